import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const project = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(project, path), 'utf8')

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  'bench/README.md',
  'migrations/README.md',
  ...['docs', 'deploy/kubernetes'].flatMap((folder) =>
    readdirSync(join(project, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
]

/** As GitHub makes them of headings. */
const anchorsOf = (text: string): ReadonlySet<string> =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

/** Where a link leads to; undefined when it is whole. */
const findBroken = (document: string, target: string): string | undefined => {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? join(project, document) : resolve(dirname(join(project, document)), path)
  if (!existsSync(file)) return `${document}: ${target} is not there`
  const isWhole = anchor === undefined || anchorsOf(readFileSync(file, 'utf8')).has(anchor)
  return isWhole ? undefined : `${document}: ${target} has no such heading`
}

/** Of a document with tables: the cells of each row but the headings. */
const rowsOf = (document: string): readonly (readonly string[])[] =>
  read(document)
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (-+|promise|what) +\|/.test(line))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()))

/** The tests that a cell names: a link to a file, and in quotes what the test is called in it. */
const testsIn = (cell: string) =>
  [...cell.matchAll(/\]\(\.\.\/(test\/[^)]+)\) “([^”]+)”/g)].map(([, file = '', title = '']) => ({ file, title }))

describe('the documents', () => {
  it('link to nothing that is not there', () => {
    const links = documents.flatMap((document) =>
      [...read(document).matchAll(/\]\((?!https?:|mailto:)([^)]+)\)/g)].map(
        ([, target = '']) => [document, target] as const,
      ),
    )
    expect(links.length).toBeGreaterThan(150)
    expect(links.flatMap(([document, target]) => findBroken(document, target) ?? [])).toEqual([])
  })
})

describe('docs/guarantees.md', () => {
  const rows = rowsOf('docs/guarantees.md')

  it('has for each promise a rule in a file, tests that are there, and a figure', () => {
    expect(rows.length).toBeGreaterThan(15)
    for (const [promise = '', rule = '', tests = '', figure = ''] of rows) {
      expect([promise, rule.includes(']('), testsIn(tests).length > 0, figure !== '']).toEqual([
        promise,
        true,
        true,
        true,
      ])
      for (const { file, title } of testsIn(tests)) expect([title, read(file).includes(title)]).toEqual([title, true])
    }
  })

  it('has a row for each thing that the README promises about tasks', () => {
    const named = new Set(rows.flatMap(([, , tests = '']) => testsIn(tests).map(({ file }) => file)))
    const promised = [...read('README.md').matchAll(/\]\((test\/scenarios\/[\w-]+\.test\.ts)\)/g)].map(
      ([, file = '']) => file,
    )
    const unnamed = promised.filter((file) => !named.has(file))
    expect(promised.length).toBeGreaterThan(5)
    expect(unnamed).toEqual([])
  })
})

describe('docs/limits.md', () => {
  const rows = rowsOf('docs/limits.md')

  it('names for each place a constant that is there, with its value, and a test that is there', () => {
    expect(rows.length).toBeGreaterThan(50)
    for (const [what = '', bound = '', heldBy = '', shownBy = ''] of rows) {
      const [, name = '', file = ''] = /^`(\w+)` in \[[^\]]+\]\(\.\.\/([^)]+)\)$/.exec(heldBy) ?? []
      expect([what, file.startsWith('src/')]).toEqual([what, true])
      expect([what, toNumber(bound)]).toEqual([what, valueOf(name, read(file))])
      const [test] = testsIn(shownBy)
      expect([what, test !== undefined && read(test.file).includes(test.title)]).toEqual([what, true])
    }
  })
})

const toNumber = (bound: string): number => Number(/^[\d,.]*\d/.exec(bound)?.[0].replaceAll(',', ''))

/** Of a constant, or of a member of one, that is a number or a product of numbers. */
const valueOf = (name: string, source: string): number => {
  const [, written = ''] = new RegExp(String.raw`\b${name}\b\s*[:=]\s*([\d_.]+(?:\s*\*\s*[\d_]+)*)`).exec(source) ?? []
  return written
    .split('*')
    .reduce((product, factor) => product * Number(factor.trim().replaceAll('_', '') || 'none'), 1)
}
