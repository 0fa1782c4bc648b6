import { systemClock } from '#adapters/system/clock.ts'
import { forwardMetrics } from '#adapters/telemetry/metrics/forward-metrics.ts'
import { createProcessGauges } from '#adapters/telemetry/metrics/gauges.ts'
import { createMeasuredCommits } from '#adapters/telemetry/metrics/measured-commits.ts'
import { createMetrics, type Metrics } from '#adapters/telemetry/metrics/metrics.ts'
import { createMeasuredRuns } from '#adapters/telemetry/metrics/measured-runs.ts'
import { createObservedEventStore } from '#adapters/telemetry/metrics/observed-store.ts'
import { createQueueGauges } from '#adapters/telemetry/metrics/queue-gauges.ts'
import type { Readings } from '#adapters/telemetry/metrics/instruments.ts'
import type { Telemetry } from '#adapters/telemetry/telemetry.ts'
import type { Count } from '#application/ports/surroundings/counts.ts'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { RunObserver } from '#application/ports/surroundings/run-observer.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Role } from '../config.ts'

/** Metrics and traces of this process: they look at its work and take no part in it. */
export interface Observation {
  readonly count: Count
  readonly commits: CommitObserver
  readonly runObserver: RunObserver
  readonly observeStore: (store: EventStore) => EventStore
  readonly observeQueue: (queue: TaskQueue) => TaskQueue
  /** Begins to serve and to send metrics; answers the reading for `/metrics`. Called once. */
  readonly publish: (sources: MetricSources) => () => Promise<string>
}

export interface MetricSources {
  readonly roles: readonly Role[]
  readonly index: TaskIndex
  readonly pools: readonly { state(): PoolState }[]
  readonly countHandlers: () => number | undefined
}

type PoolState = Readonly<Record<'acquiredConnections' | 'idleConnections' | 'waitingClients', number>>

interface Deps {
  readonly telemetry: Telemetry
  readonly logger: Logger
  /** The types that this process has handlers for: each always has series of its own. */
  readonly types: Iterable<string>
}

/** Decorates the observed ports: always for metrics, which cost little, and for traces only where they are wanted. */
export const createObservation = async (
  { telemetry, logger, types }: Deps,
  owned: AsyncDisposableStack,
): Promise<Observation> => {
  const metrics = createMetrics(types)
  owned.defer(() => logger.debug({ counts: readTotals(metrics) }, 'counted'))
  const { tracer } = telemetry
  const tracing = tracer && (await import('#adapters/telemetry/traces/tracing.ts')).createTracing(tracer)
  return {
    count: metrics.counted,
    commits: createMeasuredCommits(metrics, systemClock, tracing?.commits),
    runObserver: createMeasuredRuns(metrics, tracing?.runObserver),
    observeStore: (store) => {
      const observed = createObservedEventStore(store, metrics, logger)
      return tracing?.traceStore(observed) ?? observed
    },
    observeQueue: (queue) => tracing?.traceQueue(queue) ?? queue,
    publish: (sources) => {
      const processGauges = createProcessGauges({
        readPool: () => toPoolState(sources.pools.map((pool) => pool.state())),
        countHandlers: sources.countHandlers,
      })
      owned.defer(() => processGauges.close())
      const queueGauges = createQueueGauges({
        clock: systemClock,
        summarize: (after, limit) => sources.index.summarizeQueues(after, limit),
        limitQueue: metrics.limitQueue,
      })
      // Only maintenance processes report the queues: every process would count the same heads.
      const reportsQueues = sources.roles.includes('maintenance')
      const gauges = [...processGauges.gauges, ...(reportsQueues ? queueGauges.gauges : [])]
      const readings = { counters: metrics.counters, histograms: metrics.histograms, gauges }
      const refresh = async (): Promise<void> => {
        if (reportsQueues) await queueGauges.refresh()
      }
      if (telemetry.meter !== undefined) forwardMetrics(telemetry.meter, readings, refresh)
      const write = createLazyText()
      return async () => {
        await refresh()
        return (await write())(readings)
      }
    },
  }
}

/** The counts that are not zero. */
const readTotals = ({ counters }: Metrics): Readonly<Record<string, number>> =>
  Object.fromEntries(
    counters
      .flatMap((counter) =>
        counter.read().map(({ labels, value }) => ({ series: [counter.name, ...labels].join(' '), value })),
      )
      .filter(({ value }) => value > 0)
      .map(({ series, value }) => [series, value]),
  )

const toPoolState = (states: readonly PoolState[]) => {
  const sum = (member: keyof PoolState): number => states.reduce((total, state) => total + state[member], 0)
  return { acquired: sum('acquiredConnections'), idle: sum('idleConnections'), waiting: sum('waitingClients') }
}

const createLazyText = () => {
  let loading: Promise<(readings: Readings) => Promise<string>> | undefined
  return () =>
    (loading ??= import('#adapters/telemetry/metrics/prometheus-text.ts').then(({ createPrometheusText }) =>
      createPrometheusText(),
    ))
}
