import { parseArgs } from 'node:util'
import { createDice } from './support/dice.ts'
import { runCampaign } from './support/run-campaign.ts'
import { toReport } from './support/report.ts'

/** `npm run campaign -- --minutes M [--seed S]`: ends with 1 when a promise was broken. */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const minutes = Number(values.minutes)
if (!Number.isFinite(minutes) || minutes <= 0 || !Number.isInteger(seed)) {
  process.stderr.write('usage: npm run campaign -- [--minutes M] [--seed S]\n')
  process.exit(2)
}

const say = (line: string): void => void process.stdout.write(`${new Date().toISOString()} ${line}\n`)
say(`seed ${seed}`)
const outcome = await runCampaign({ forMs: minutes * 60_000, dice: createDice(seed), say })
process.stdout.write(`\n${toReport(outcome)}\n`)
process.exit(outcome.broken.length === 0 ? 0 : 1)
