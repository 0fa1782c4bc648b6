import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { QueueSummary } from '#application/ports/heads/task-index.ts'
import { describe } from './gauges.ts'
import type { Gauge, Series } from './instruments.ts'
import type { LabelLimit } from './metrics.ts'

export interface QueueGauges {
  readonly gauges: readonly Gauge[]
  /** Asks the store unless it was asked within ten seconds; the gauges show its latest answer. Never throws. */
  refresh(): Promise<void>
}

interface Deps {
  readonly clock: Clock
  /** Up to `limit` queues after a name, as TaskIndex has it. */
  readonly summarize: (after: string | undefined, limit: number) => Promise<readonly QueueSummary[]>
  readonly limitQueue: LabelLimit
}

/** The store is counted at most this often, however often metrics are read. */
const refreshMsMin = 10_000
/** Counting takes at most this share of the time: a store with many waiting tasks takes longer to count. */
const shareOfTimeMax = 0.05

const queuesPerPage = 1_000
/** Queues beyond these are in no gauge. */
const pagesMax = 20

/** How many tasks wait in each queue, and for how long. An answer older than three refreshes is no longer shown. */
export const createQueueGauges = ({ clock, summarize, limitQueue }: Deps): QueueGauges => {
  let known: { readonly summaries: readonly QueueSummary[]; readonly atMs: number } | undefined
  let nextAtMs = 0
  let asking: Promise<void> | undefined

  const summarizeAll = async (): Promise<readonly QueueSummary[]> => {
    const summaries: QueueSummary[] = []
    for (let page = 0; page < pagesMax; page += 1) {
      const found = await summarize(summaries.at(-1)?.queue, queuesPerPage)
      summaries.push(...found)
      if (found.length < queuesPerPage) break
    }
    return summaries
  }

  const ask = async (): Promise<void> => {
    const begunAtMs = clock.monotonicMs()
    try {
      known = { summaries: await summarizeAll(), atMs: clock.monotonicMs() }
    } catch {
      // The store does not answer. Its health check says so, and these gauges disappear after three refreshes.
    }
    const tookMs = clock.monotonicMs() - begunAtMs
    nextAtMs = clock.monotonicMs() + Math.max(refreshMsMin, tookMs / shareOfTimeMax)
    asking = undefined
  }

  const read = (): readonly QueueSummary[] =>
    known === undefined || clock.monotonicMs() > nextAtMs + 2 * refreshMsMin ? [] : known.summaries

  return {
    gauges: [
      {
        ...describe('taskfold.queue.tasks', '{task}', ['queue', 'state'], 'Tasks that wait or run, by queue.'),
        kind: 'gauge',
        read: () =>
          merge(
            read().flatMap(({ queue, ready, scheduled, retrying, running }) =>
              Object.entries({ ready, scheduled, retrying, running }).map(([state, value]) => ({
                labels: [limitQueue(queue), state],
                value,
              })),
            ),
            (a, b) => a + b,
          ),
      },
      {
        ...describe('taskfold.queue.oldest_ready_age', 's', ['queue'], 'How long the oldest ready task has waited.'),
        kind: 'gauge',
        read: () =>
          merge(
            read().map(({ queue, oldestReadyAgeMs }) => ({
              labels: [limitQueue(queue)],
              value: (oldestReadyAgeMs ?? 0) / 1_000,
            })),
            Math.max,
          ),
      },
    ],
    refresh: async () => {
      if (clock.monotonicMs() >= nextAtMs) await (asking ??= ask())
    },
  }
}

/** Joins series of equal labels: several queues may share the label `other`. */
const merge = (
  series: readonly Series<number>[],
  join: (a: number, b: number) => number,
): readonly Series<number>[] => {
  const merged = new Map<string, Series<number>>()
  for (const { labels, value } of series) {
    const key = labels.join('\u0000')
    const before = merged.get(key)
    merged.set(key, { labels, value: before === undefined ? value : join(before.value, value) })
  }
  return [...merged.values()]
}
