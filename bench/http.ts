import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { z } from 'zod'
import { makePayload } from './contender.ts'
import { findContender } from './contenders.ts'
import { nodeFlags } from './node-flags.ts'
import { type ProcessorTime, readProcessorTime, subtract } from './processor-time.ts'
import { startServers } from './servers.ts'
import { measure, workloads } from './workloads.ts'

const usage = `node http.ts [options]

  --rounds N    how often each is measured; the table has the medians (3)
  --seconds N   of each measurement over HTTP (5)
  --tasks N     submitted by the library (20000)
`

/** What one measurement saw; microseconds a task. */
interface Seen {
  readonly workload: string
  readonly tasksPerSecond: number
  readonly processorTime: ProcessorTime
}

interface Shot {
  readonly workload: string
  readonly url: string
  readonly body: unknown
  readonly tasksPerRequest: number
  readonly seconds: number
}

const connections = 64
const batchConnections = 4
const tasksPerBatch = 100
const warmUpSeconds = 2

const task = () => ({ type: 'bench', payload: makePayload() })

/** This process, which sends the requests, is not in the processor time; it takes its share of the machine from both alike. */
const shoot = async ({ workload, url, body, tasksPerRequest, seconds }: Shot): Promise<Seen> => {
  const fire = (duration: number) =>
    autocannon({
      url,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      connections: tasksPerRequest === 1 ? connections : batchConnections,
      duration,
    })
  await fire(warmUpSeconds)
  const used = readProcessorTime()
  const result = await fire(seconds)
  if (result.non2xx + result.errors > 0) throw new Error(`${workload}: ${result.non2xx + result.errors} were refused`)
  const tasks = result['2xx'] * tasksPerRequest
  const { postgres, redis, node } = subtract(readProcessorTime(), used)
  const processorTime = { postgres: postgres / tasks, redis: redis / tasks, node: node / tasks }
  return { workload, tasksPerSecond: tasks / result.duration, processorTime }
}

const withServer = async <Result>(args: readonly string[], use: (url: string) => Promise<Result>): Promise<Result> => {
  const script = fileURLToPath(new URL('./http-server.ts', import.meta.url))
  const server: ChildProcess = fork(script, args, { execArgv: [...nodeFlags] })
  const ended = once(server, 'exit')
  try {
    const [url]: unknown[] = await Promise.race([
      once(server, 'message'),
      ended.then(() => Promise.reject(new Error(`the server ${args[0]} ended`))),
    ])
    return await use(z.string().parse(url))
  } finally {
    server.kill('SIGKILL')
    await ended
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

/** The rate over that of the peer, medians both. */
const peers: Readonly<Record<string, string>> = { 'http-submit': 'http-echo', 'http-batch': 'library-bulk' }

const report = (all: readonly Seen[]): void => {
  const byWorkload = Map.groupBy(all, ({ workload }) => workload)
  const rateOf = (workload: string): number =>
    median((byWorkload.get(workload) ?? []).map(({ tasksPerSecond }) => tasksPerSecond))
  console.log('| workload | tasks/s | ratio | µs a task: Postgres | Node |\n| - | - | - | - | - |')
  for (const [workload, some] of byWorkload) {
    const peer = peers[workload]
    const ratio = peer === undefined ? '' : `${(rateOf(workload) / rateOf(peer)).toFixed(2)} of ${peer}`
    const postgres = median(some.map(({ processorTime }) => processorTime.postgres)).toFixed(0)
    const node = median(some.map(({ processorTime }) => processorTime.node)).toFixed(0)
    console.log(`| ${workload} | ${rateOf(workload).toFixed(0)} | ${ratio} | ${postgres} | ${node} |`)
  }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      tasks: { type: 'string', default: '20000' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return void process.stdout.write(usage)
  const [rounds, seconds, tasks] = [values.rounds, values.seconds, values.tasks].map(Number)
  if (rounds === undefined || seconds === undefined || tasks === undefined) return
  const library = await findContender('taskfold-postgres')
  const servers = await startServers()
  const seen: Seen[] = []
  const batch = { tasks: Array.from({ length: tasksPerBatch }, task) }
  try {
    for (let round = 0; round < rounds; round += 1) {
      const one = { body: task(), tasksPerRequest: 1, seconds }
      seen.push(
        await withServer(['echo'], (url) => shoot({ ...one, workload: 'http-echo', url: `${url}/api/tasks` })),
        await withServer(['taskfold', await servers.renew()], (url) =>
          shoot({ ...one, workload: 'http-submit', url: `${url}/api/tasks` }),
        ),
        await withServer(['taskfold', await servers.renew()], (url) =>
          shoot({
            workload: 'http-batch',
            url: `${url}/api/tasks/batch`,
            body: batch,
            tasksPerRequest: tasksPerBatch,
            seconds,
          }),
        ),
      )
      const limits = { tasks, singlesMs: seconds * 1_000, latencyTasks: 0 }
      seen.push({ workload: 'library-bulk', ...(await measure(servers, library, workloads['submit-bulk'], limits)) })
    }
  } finally {
    await servers.close()
  }
  report(seen)
}

await main()
