import { parseArgs } from 'node:util'
import { runSeeds } from './run/run-seeds.ts'
import { describeRequest, findUnmet, shrink, tellStory, toTable } from './run/shrink.ts'

/**
 * `npm run simulate -- [--seeds N] [--seed S] [--minutes M] [--threads T]`: runs the seeds from S on, N of them or for M
 * minutes. `--seed` alone runs that one, and tells its story. Ends with 1 when a promise was broken, or when a run of enough
 * seeds left a step that some fault never met.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    threads: { type: 'string' },
  },
})

const usage = 'usage: npm run simulate -- [--seeds N] [--seed S] [--minutes M] [--threads T]\n'
const seedsDefault = 3_000
/** From so many seeds on every fault has met every step. */
const seedsForTable = 20_000
const progressEveryMs = 30_000

const toNumber = (text: string | undefined, least: number): number | undefined => {
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isFinite(number) && number >= least) return number
  process.stderr.write(usage)
  process.exit(2)
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const seedGiven = toNumber(values.seed, 0)
const firstSeed = seedGiven ?? Math.floor(Math.random() * 1e9)
const minutes = toNumber(values.minutes, 0)
const threads = toNumber(values.threads, 1)
const seedsWanted = toNumber(values.seeds, 1) ?? (minutes === undefined ? seedsDefault : undefined)
const isOne = seedGiven !== undefined && values.seeds === undefined && minutes === undefined

const begunAtMs = performance.now()
let saidAtMs = begunAtMs
say(`seed ${firstSeed}`)
const usageBefore = process.cpuUsage()
const summary = await runSeeds({
  firstSeed,
  ...(isOne ? { seeds: 1 } : seedsWanted !== undefined && { seeds: seedsWanted }),
  ...(minutes !== undefined && { forMs: minutes * 60_000 }),
  ...(threads !== undefined && { threads }),
  onProgress: ({ seeds, failures }) => {
    if (performance.now() - saidAtMs < progressEveryMs) return
    saidAtMs = performance.now()
    say(`${seeds} seeds, ${failures.length} failed: ${failures.map(({ seed }) => seed).join(', ')}`)
  },
})

const seconds = (performance.now() - begunAtMs) / 1_000
const { user, system } = process.cpuUsage(usageBefore)
/** Of all threads: what a seed takes on an idle processor, however busy the machine is. */
const processorMs = (user + system) / 1_000 / Math.max(1, summary.seeds)
const { seeds, steps, virtualMs, tasks, failures, meetings } = summary
say(
  `${seeds} seeds, ${tasks} tasks, ${steps} steps, ${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time in ${seconds.toFixed(1)} s: ${Math.round((seeds / seconds) * 60)} seeds a minute; ${processorMs.toFixed(1)} ms of a processor each`,
)
if (isOne && failures.length === 0) say(await tellStory({ seed: firstSeed }))
if (!isOne) say(`\n${toTable(meetings)}\n`)
for (const { seed, breaches } of failures) say(`seed ${seed}: ${breaches.join('\n  ')}`)

const [first] = failures
if (first !== undefined) {
  const { request, outcome } = await shrink({ seed: first.seed })
  say(
    `\nthe least that still fails: ${describeRequest(request)}\n${await tellStory(request)}\n${outcome.breaches.join('\n')}`,
  )
}
const unmet = seeds >= seedsForTable ? findUnmet(meetings) : []
for (const line of unmet) say(line)
process.exit(failures.length + unmet.length === 0 ? 0 : 1)
