import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, extname } from 'node:path'
import { fileURLToPath } from 'node:url'

const charactersMax = 400
const checkMsMax = 10_000
const ownSources = new URL('../../../', import.meta.url).href

/** Says on one line, without a stack, why a module did not load; with file and line where they can be found. */
export const describeModuleFault = async (error: unknown, specifier: string, cwd: string): Promise<string> => {
  const text = toLine(error instanceof Error ? describeError(error, cwd) : `it threw ${String(error)}`)
  const place = error instanceof Error ? await findPlace(error, specifier) : undefined
  return place === undefined ? text : `${text} (${place})`
}

const describeError = (error: Error, cwd: string): string => {
  const code = 'code' in error ? error.code : undefined
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') {
    return 'Node strips no types below node_modules: name a JavaScript file'
  }
  if (code === 'ERR_MODULE_NOT_FOUND' && error.message.endsWith(` imported from ${cwd}/`)) {
    return `there is no such file or folder, nor such a package to import in ${cwd}`
  }
  const text = error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
  const isNotThere = code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_UNSUPPORTED_DIR_IMPORT'
  const meant = isNotThere ? findMeant(error) : undefined
  return meant === undefined ? text : `${text}: the file is called ${meant}, and Node wants the name as it is`
}

/** What a file may be called instead of a name: that of its source, and the name with what was left out. */
const endings = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '/index.ts', '/index.js']

/** The name of a file that exists, for the path of one that does not; undefined when nothing is like it. */
export const findLikeNamed = (path: string): string | undefined => {
  const stem = path.replace(/\.[cm]?js$/, '')
  const found = endings
    .map((ending) => `${stem}${ending}`)
    .find((candidate) => candidate !== path && existsSync(candidate))
  return found?.slice(dirname(path).length + 1)
}

/** Node tells the address that it looked at. */
const findMeant = (error: Error): string | undefined =>
  'url' in error && typeof error.url === 'string' && error.url.startsWith('file:')
    ? findLikeNamed(fileURLToPath(error.url))
    : undefined

const toLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= charactersMax ? line : `${line.slice(0, charactersMax).toWellFormed()}…`
}

/** V8 does not tell import() where a syntax error is; a second parse, by a child process, prints the place. */
const findPlace = async (error: Error, specifier: string): Promise<string | undefined> => {
  const place = firstPlace(error.stack ?? '')
  if (place !== undefined || !(error instanceof SyntaxError) || !specifier.startsWith('file:')) return place
  const file = fileURLToPath(specifier)
  return ['.js', '.mjs', '.cjs'].includes(extname(file)) ? firstPlace(await checkSyntax(file)) : undefined
}

/** The `file:line` that a report opens with (`/a/b.ts:2`), else that of the first frame outside Node and these sources. */
const firstPlace = (report: string): string | undefined => {
  const [, file, line] = /^(?:file:\/\/)?(\/[^\n]*|[A-Za-z]:[^\n]*?):(\d+)(?=\n|$)/.exec(report) ?? []
  if (file !== undefined) return `${file}:${line}`
  for (const [, url = '', at] of report.matchAll(/^\s+at (?:[^\n]*\()?(file:\/\/[^\n]+?):(\d+):\d+\)?$/gm)) {
    if (!url.startsWith(ownSources)) return `${fileURLToPath(url)}:${at}`
  }
  return undefined
}

const checkSyntax = (file: string): Promise<string> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--check', file], { timeout: checkMsMax }, (_error, _stdout, stderr) => {
      resolve(stderr)
    })
  })
