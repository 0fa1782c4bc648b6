import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { contenderNames, findContender } from './contenders.ts'
import { type Result, summarize, toTable } from './report.ts'
import { startServers } from './servers.ts'
import { type Limits, measure, workloads } from './workloads.ts'

const usage = `node run.ts [options]

  --rounds N           how often each is measured; the table has the medians (3)
  --tasks N            tasks of a measurement (20000)
  --seconds N          single submissions stop after this long (5)
  --latency-tasks N    at 100 a second (600)
  --contenders a,b     of ${contenderNames.join(', ')};
                       taskfold-postgres@FOLDER and taskfold-redis@FOLDER are those of another checkout
  --workloads a,b      of ${Object.keys(workloads).join(', ')}
  --against NAME       the peer of the ratios (bullmq)
  --out FILE           writes every measurement and the medians as JSON
`

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      tasks: { type: 'string', default: '20000' },
      seconds: { type: 'string', default: '5' },
      'latency-tasks': { type: 'string', default: '600' },
      contenders: { type: 'string', default: contenderNames.join(',') },
      workloads: { type: 'string', default: Object.keys(workloads).join(',') },
      against: { type: 'string', default: 'bullmq' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const limits: Limits = {
    tasks: parseCount(values.tasks),
    singlesMs: parseCount(values.seconds) * 1_000,
    latencyTasks: parseCount(values['latency-tasks']),
  }
  return { ...values, rounds: parseCount(values.rounds), limits }
}

const parseCount = (text: string): number => {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new Error(`${text} is not a whole number above 0`)
  return count
}

const findWorkloads = (names: string) => {
  const found = Object.entries(workloads).filter(([name]) => names.split(',').includes(name))
  if (found.length !== names.split(',').length) throw new Error(`one of ${names} is not a workload`)
  return found
}

/** Interleaved: every contender is measured in every round, and each round begins with another one. */
const runRounds = async (options: ReturnType<typeof readOptions>): Promise<readonly Result[]> => {
  const contenders = await Promise.all(options.contenders.split(',').map(findContender))
  const chosen = findWorkloads(options.workloads)
  const servers = await startServers()
  const stop = (): void => void servers.close().then(() => process.exit(130))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const results: Result[] = []
  try {
    for (let round = 0; round < options.rounds; round += 1) {
      for (const [workload, how] of chosen) {
        for (let turn = 0; turn < contenders.length; turn += 1) {
          const contender = contenders[(turn + round) % contenders.length]
          if (contender === undefined) continue
          const what = { round, workload, contender: contender.name }
          try {
            const result: Result = { ...what, ...(await measure(servers, contender, how, options.limits)) }
            results.push(result)
            process.stderr.write(`${describe(result)}\n`)
          } catch (error) {
            // What the others did stays worth knowing.
            process.exitCode = 1
            console.error(what, error)
          }
        }
      }
    }
  } finally {
    await servers.close()
  }
  return results
}

const describe = ({ round, workload, contender, tasksPerSecond, latency, repeated }: Result): string => {
  const figure =
    latency === undefined
      ? `${tasksPerSecond.toFixed(0)} tasks/s`
      : `${latency.p50Ms.toFixed(2)} / ${latency.p99Ms.toFixed(2)} ms`
  return `round ${round + 1}  ${workload}  ${contender}  ${figure}${repeated > 0 ? `  ${repeated} REPEATED` : ''}`
}

const main = async (): Promise<void> => {
  const options = readOptions()
  if (options.help) return void process.stdout.write(usage)
  const results = await runRounds(options)
  const order = options.contenders.split(',')
  const summaries = summarize(
    results.toSorted((one, other) => order.indexOf(one.contender) - order.indexOf(other.contender)),
    options.against,
  )
  const byWorkload = [...Map.groupBy(summaries, ({ workload }) => workload).values()].flat()
  process.stdout.write(`${toTable(byWorkload)}\n`)
  if (options.out === undefined) return
  const machine = { processor: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), node: process.version }
  const { limits, rounds } = options
  await writeFile(
    options.out,
    `${JSON.stringify({ at: new Date(), machine, rounds, limits, medians: byWorkload, results }, null, 1)}\n`,
  )
}

await main()
