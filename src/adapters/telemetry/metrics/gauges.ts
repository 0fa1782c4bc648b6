import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Description, Gauge } from './instruments.ts'

export interface PoolState {
  readonly acquired: number
  readonly idle: number
  /** Callers that wait for a connection. */
  readonly waiting: number
}

export interface ProcessGauges {
  readonly gauges: readonly Gauge[]
  close(): void
}

interface Deps {
  readonly readPool: () => PoolState
  /** Handlers at work; undefined where no worker runs. */
  readonly countHandlers: () => number | undefined
}

const delayResolutionMs = 20
/** Delays are forgotten after this, at the next reading: one bad second must not be shown for days. */
const delayRememberedMs = 14_000
const nanosecondsPerSecond = 1e9

export const describe = (name: string, unit: string, labels: readonly string[], description: string): Description => ({
  name,
  unit,
  labels,
  description,
})

/** The gauges of the process: event loop, memory, processor, connections, handlers at work. */
export const createProcessGauges = ({ readPool, countHandlers }: Deps): ProcessGauges => {
  const delay = createDelayGauge()
  return {
    gauges: [delay.gauge, ...loopGauges, ...usageGauges, ...createOwnGauges(readPool, countHandlers)],
    close: delay.close,
  }
}

const createDelayGauge = (): { readonly gauge: Gauge; readonly close: () => void } => {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs })
  delay.enable()
  let rememberedSinceMs = performance.now()
  const forgetOld = (): void => {
    if (performance.now() - rememberedSinceMs < delayRememberedMs) return
    rememberedSinceMs = performance.now()
    delay.reset()
  }
  const gauge: Gauge = {
    ...describe('nodejs.eventloop.delay', 's', ['statistic'], 'How late timers were, lately.'),
    kind: 'gauge',
    read: () => {
      const series = [
        { labels: ['p50'], value: delay.percentile(50) / nanosecondsPerSecond },
        { labels: ['p99'], value: delay.percentile(99) / nanosecondsPerSecond },
        { labels: ['max'], value: delay.max / nanosecondsPerSecond },
      ]
      forgetOld()
      return series
    },
  }
  return { gauge, close: () => void delay.disable() }
}

const loopGauges: readonly Gauge[] = [
  {
    ...describe('nodejs.eventloop.time', 's', ['state'], 'How long the event loop was active, and idle.'),
    kind: 'sum',
    read: () => {
      const { active, idle } = performance.eventLoopUtilization()
      return [
        { labels: ['active'], value: active / 1_000 },
        { labels: ['idle'], value: idle / 1_000 },
      ]
    },
  },
]

const usageGauges: readonly Gauge[] = [
  {
    ...describe('process.memory.usage', 'By', [], 'Resident memory.'),
    kind: 'gauge',
    read: () => [{ labels: [], value: process.memoryUsage.rss() }],
  },
  {
    ...describe('process.cpu.time', 's', ['mode'], 'Processor time of the process.'),
    kind: 'sum',
    read: () => {
      const { user, system } = process.cpuUsage()
      return [
        { labels: ['user'], value: user / 1e6 },
        { labels: ['system'], value: system / 1e6 },
      ]
    },
  },
]

const createOwnGauges = (readPool: () => PoolState, countHandlers: () => number | undefined): readonly Gauge[] => [
  {
    ...describe('taskfold.pool.connections', '{connection}', ['state'], 'Connections of the pool to Postgres.'),
    kind: 'gauge',
    read: () => {
      const { acquired, idle, waiting } = readPool()
      return [
        { labels: ['acquired'], value: acquired },
        { labels: ['idle'], value: idle },
        { labels: ['waited-for'], value: waiting },
      ]
    },
  },
  {
    ...describe('taskfold.handlers.running', '{handler}', [], 'Handlers at work in this worker.'),
    kind: 'gauge',
    read: () => {
      const running = countHandlers()
      return running === undefined ? [] : [{ labels: [], value: running }]
    },
  },
]
