import { parseArgs } from 'node:util'
import { recordCampaign } from './support/record-campaign.ts'
import { toReport } from './support/report.ts'
import { runCampaign } from './support/run-campaign.ts'

/**
 * `npm run campaign -- [--minutes M] [--seed S] [--record] [--without-fence]`: ends with 1 when a promise was broken.
 * With `--record` the table in docs/reliability.md is written anew.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    record: { type: 'boolean', default: false },
    'without-fence': { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const minutes = Number(values.minutes)
if (!Number.isFinite(minutes) || minutes <= 0 || !Number.isInteger(seed)) {
  process.stderr.write('usage: npm run campaign -- [--minutes M] [--seed S] [--record] [--without-fence]\n')
  process.exit(2)
}

const say = (line: string): void => void process.stdout.write(`${new Date().toISOString()} ${line}\n`)
say(`seed ${seed}`)
const fence = values['without-fence'] ? 'taken-away' : 'in-force'
const outcome = await runCampaign({
  forMs: minutes * 60_000,
  seed,
  say,
  fence,
  ...(values['without-fence'] && { settleMsMax: 20_000 }),
})
const report = toReport(outcome)
process.stdout.write(`\n${report}\n`)
if (values.record) await recordCampaign(report)
process.exit(outcome.broken.length === 0 ? 0 : 1)
