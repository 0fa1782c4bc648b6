import { setTimeout as sleep } from 'node:timers/promises'
import { startChild, type Child } from './child.ts'
import type { Aim, Contender, Inspector, Setup } from './contender.ts'
import { type ProcessorTime, readProcessorTime, subtract } from './processor-time.ts'
import type { Servers } from './servers.ts'

/** What one measurement saw. */
export interface Measurement {
  readonly tasks: number
  readonly tasksPerSecond: number
  /** Microseconds a task. */
  readonly processorTime: ProcessorTime
  /** From the call that submitted a task to the beginning of its handler; of the latency workload alone. */
  readonly latency: { readonly p50Ms: number; readonly p99Ms: number } | undefined
  /** Handlers that began twice. */
  readonly repeated: number
}

export interface Limits {
  readonly tasks: number
  /** Single submissions stop after this long. */
  readonly singlesMs: number
  readonly latencyTasks: number
}

export type Workload = (arena: Arena, limits: Limits) => Promise<Measurement>

/** One contender, its processes connected and warm, its store empty. */
interface Arena {
  readonly servers: Servers
  readonly submitter: Child
  readonly workers: readonly Child[]
  readonly inspector: Inspector
}

const bulkLimitMs = 100_000

const submit = async (how: 'single' | 'bulk', { submitter }: Arena, limits: Limits): Promise<Measurement> => {
  const limitMs = how === 'single' ? limits.singlesMs : bulkLimitMs
  const clock = startClock()
  const { tasks } = await submitter.ask({ kind: 'submit', how, tasksMax: limits.tasks, limitMs })
  return clock.stop(tasks)
}

const drain = async (arena: Arena, limits: Limits): Promise<Measurement> => {
  const { submitter, workers, servers } = arena
  await submitter.ask({ kind: 'submit', how: 'bulk', tasksMax: limits.tasks, limitMs: bulkLimitMs })
  await servers.execute('analyze')
  await servers.execute('checkpoint')
  await sleep(settleMs)
  const early = countBegun(workers)
  const clock = startClock()
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'start' })))
  await waitForAll(arena, limits.tasks)
  // What a worker took to itself before the clock started does not count, though its end is waited for.
  return clock.stop(limits.tasks - early, countBegun(workers) - limits.tasks)
}

const endToEnd = async (how: 'single' | 'bulk', arena: Arena, limits: Limits): Promise<Measurement> => {
  const { submitter, workers } = arena
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'start' })))
  await sleep(settleMs)
  const limitMs = how === 'single' ? limits.singlesMs : bulkLimitMs
  const clock = startClock()
  const { tasks } = await submitter.ask({ kind: 'submit', how, tasksMax: limits.tasks, limitMs })
  await waitForAll(arena, tasks)
  return clock.stop(tasks, countBegun(workers) - tasks)
}

/** The first tenth is left out: connections and plans are made in it. */
const startLatency = async (arena: Arena, limits: Limits): Promise<Measurement> => {
  const { submitter, workers } = arena
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'start' })))
  await sleep(settleMs)
  const clock = startClock()
  await submitter.ask({ kind: 'submit', how: 'paced', tasksMax: limits.latencyTasks, limitMs: 0 })
  await waitForAll(arena, limits.latencyTasks)
  const measurement = clock.stop(limits.latencyTasks, countBegun(workers) - limits.latencyTasks)
  const answers = await Promise.all(workers.map((worker) => worker.ask({ kind: 'close' })))
  const all = answers.flatMap((answer) => answer.latenciesMs)
  const latencies = all.slice(Math.floor(all.length / 10)).toSorted((one, other) => one - other)
  const quantile = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN
  return { ...measurement, latency: { p50Ms: quantile(0.5), p99Ms: quantile(0.99) } }
}

const throughput: Aim = 'throughput'
const latency: Aim = 'latency'

/** By the name that the command line knows. */
export const workloads = {
  'submit-single': {
    aim: throughput,
    workers: 0,
    run: (arena: Arena, limits: Limits) => submit('single', arena, limits),
  },
  'submit-bulk': { aim: throughput, workers: 0, run: (arena: Arena, limits: Limits) => submit('bulk', arena, limits) },
  'drain-1': { aim: throughput, workers: 1, run: drain },
  'drain-2': { aim: throughput, workers: 2, run: drain },
  'end-to-end-single': {
    aim: throughput,
    workers: 1,
    run: (arena: Arena, limits: Limits) => endToEnd('single', arena, limits),
  },
  'end-to-end-bulk': {
    aim: throughput,
    workers: 1,
    run: (arena: Arena, limits: Limits) => endToEnd('bulk', arena, limits),
  },
  'start-latency': { aim: latency, workers: 1, run: startLatency },
}

/** Measures once, with processes of its own and a store that begins empty. */
export const measure = async (
  servers: Servers,
  contender: Contender,
  { aim, workers: workerCount, run }: { readonly aim: Aim; readonly workers: number; readonly run: Workload },
  limits: Limits,
): Promise<Measurement> => {
  const submitter = startChild('submitter.ts', contender.name)
  const workers = Array.from({ length: workerCount }, () => startChild('worker.ts', contender.name))
  const children = [submitter, ...workers]
  try {
    for (let time = 0; time < warmUps; time += 1) {
      const setup = await install(servers, contender, aim)
      await Promise.all(children.map((child) => child.ask({ kind: 'warm-up', setup })))
    }
    const setup = await install(servers, contender, aim)
    await Promise.all(children.map((child) => child.ask({ kind: 'open', setup })))
    const inspector = await contender.openInspector(setup)
    try {
      // It connects with its first question, which no clock should see.
      await inspector.hasUnfinished()
      return await run({ servers, submitter, workers, inspector }, limits)
    } finally {
      await inspector.close()
    }
  } finally {
    await Promise.all(children.map((child) => child.kill()))
  }
}

const install = async (servers: Servers, contender: Contender, aim: Aim): Promise<Setup> => {
  const setup = { postgresUrl: await servers.renew(), redisUrl: servers.redisUrl, aim }
  await contender.install(setup)
  return setup
}

/** What was compiled for the only store there ever was is thrown away when there is another: so there are two before. */
const warmUps = 2
const settleMs = 300
const pollMs = 2
const finishDeadlineMs = 120_000

/** The store is asked only when the handlers have begun, so that asking costs next to nothing. */
const waitForAll = async ({ workers, inspector }: Arena, tasks: number): Promise<void> => {
  const endsAt = performance.now() + finishDeadlineMs
  while (countBegun(workers) < tasks || (await inspector.hasUnfinished())) {
    if (performance.now() > endsAt) throw new Error(`${countBegun(workers)} of ${tasks} tasks have begun in time`)
    await sleep(pollMs)
  }
}

const countBegun = (workers: readonly Child[]): number => workers.reduce((sum, worker) => sum + worker.begun(), 0)

const startClock = () => {
  const used = readProcessorTime()
  const startedAt = performance.now()
  return {
    stop: (tasks: number, repeated = 0): Measurement => {
      const seconds = (performance.now() - startedAt) / 1_000
      const { postgres, redis, node } = subtract(readProcessorTime(), used)
      const processorTime = { postgres: postgres / tasks, redis: redis / tasks, node: node / tasks }
      return { tasks, tasksPerSecond: tasks / seconds, processorTime, latency: undefined, repeated }
    },
  }
}
