import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const project = fileURLToPath(new URL('../../../', import.meta.url))
const file = `${project}docs/reliability.md`
const begin = '<!-- campaign -->'
const end = '<!-- /campaign -->'

/** Puts a report in the place of the last one in docs/reliability.md, and aligns its table. Throws when the marks are not there. */
export const recordCampaign = async (report: string): Promise<void> => {
  const text = await readFile(file, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${file} has no ${begin} before an ${end}`)
  await writeFile(file, `${text.slice(0, from + begin.length)}\n\n${report}\n\n${text.slice(to)}`)
  await promisify(execFile)(`${project}node_modules/.bin/oxfmt`, [file], { cwd: project })
}
