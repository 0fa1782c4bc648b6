import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { defineTask, PermanentError } from 'taskfold'
import { z } from 'zod'

const folder = import.meta.dirname
const csvName = z.string().regex(/^[a-z0-9-]{1,64}\.csv$/, 'must be the name of a CSV file in this folder')
const rowsMax = 1_000_000
const rowsBetweenPauses = 100

/** Sums the sales in a CSV file (`date,region,amount`) by region, and writes another into `output/`. */
export const salesByRegion = defineTask({
  type: 'report.sales-by-region',
  input: z.strictObject({ file: csvName.default('sales.csv') }),
  timeoutMs: 30_000,
  run: async ({ file }, { taskId, signal, log, progress }) => {
    const [header = '', ...rows] = (await readFile(join(folder, file), { encoding: 'utf8', signal }))
      .trimEnd()
      .split('\n')
    // No attempt can help a file that is another one than we were made for.
    if (header !== 'date,region,amount') throw new PermanentError(`${file} does not begin with date,region,amount`)
    if (rows.length > rowsMax) throw new PermanentError(`${file} has more than ${rowsMax} rows`)
    const cents = new Map<string, number>()
    for (const [index, row] of rows.entries()) {
      if (index % rowsBetweenPauses === 0) {
        progress({ rowsRead: index, rows: rows.length })
        // A loop that never pauses would let nothing else happen in this process, an abort included.
        await setImmediate(undefined, { signal })
      }
      const { region, amount } = parseRow(row, index + 2)
      cents.set(region, (cents.get(region) ?? 0) + amount)
    }
    const report = join(folder, 'output', `by-region-${file}`)
    await mkdir(join(folder, 'output'), { recursive: true })
    // Whole or not at all, and the same again: a second run after a crash does no harm.
    await writeFile(`${report}.${taskId}`, toCsv(cents), { signal })
    await rename(`${report}.${taskId}`, report)
    progress({ rowsRead: rows.length, rows: rows.length })
    log.info({ rows: rows.length }, 'report written')
    return { report, rows: rows.length, regions: cents.size }
  },
})

const parseRow = (row: string, line: number): { readonly region: string; readonly amount: number } => {
  const [, region, amount] = /^\d{4}-\d{2}-\d{2},([^,]+),(\d+\.\d{2})$/.exec(row) ?? []
  if (region === undefined || amount === undefined) throw new PermanentError(`line ${line} is not date,region,amount`)
  return { region, amount: Math.round(Number(amount) * 100) }
}

const toCsv = (cents: ReadonlyMap<string, number>): string => {
  const lines = [...cents].map(([region, amount]) => `${region},${(amount / 100).toFixed(2)}`).toSorted()
  return ['region,amount', ...lines, ''].join('\n')
}
