import { parseArgs } from 'node:util'
import { plantedMutants } from './planted/planted-mutants.ts'
import { toTable } from './support/report.ts'
import { runMutants } from './support/run-mutants.ts'

/** `npm run mutants [-- --only <name>]`: ends with 1 when a wrong version was not noticed by its suites. */
const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })
const named = new Set(values.only)
const chosen =
  named.size === 0 ? plantedMutants : plantedMutants.filter(({ name, area }) => named.has(name) || named.has(area))
if (chosen.length === 0) {
  process.stderr.write(
    `usage: npm run mutants -- [--only <name or area>]…\n\n${plantedMutants.map(({ area, name }) => `${area}: ${name}`).join('\n')}\n`,
  )
  process.exit(2)
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const outcomes = await runMutants(chosen, say)
say(`\n${toTable(outcomes)}`)
process.exit(outcomes.every(({ verdict }) => verdict.kind === 'killed') ? 0 : 1)
