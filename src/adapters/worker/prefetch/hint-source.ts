import type { QueueDepth } from '#application/hints/queue-depth.ts'
import type { RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createHeadsFallback } from './heads-fallback.ts'
import type { ServedLanes } from './served-lanes.ts'

/** Where a worker gets ids from: the queue, or the heads while the queue is away. */
export interface HintSource {
  /** Takes up to `max` ids; waits up to 3 s when there are none, and less when its lanes take several pulls. Never throws; after a failure it pauses for 100 ms. */
  take(request: TakeRequest): Promise<readonly TaskId[]>
  /** When the queue or the heads last answered, or `resetSilence` was called, by the monotonic clock. */
  lastAnsweredAtMs(): number
  /** The silence starts from now: there has been no reason to ask. */
  resetSilence(): void
}

export interface TakeRequest {
  readonly max: number
  readonly signal: AbortSignal
}

interface Deps {
  readonly runtime: Runtime
  readonly queue: TaskQueue
  readonly queueDepth: QueueDepth
  readonly runnable: RunnableIndex
  readonly lanes: ServedLanes
}

/** Well below the silence after which pulls count as failing. Hints wake a pull that waits; this only bounds one. */
const pullWaitMs = 3_000
const failuresBeforeHeads = 3
/** At most ten times a second, whether the queue is asked again or the heads are read. */
const pauseMs = 100

/**
 * ```
 *   pulling ── three pulls in a row failed ──▶ reading the heads, and probing the queue
 *      ▲                                                         │
 *      └──────────────────── a probe succeeded ◀─────────────────┘
 * ```
 *
 * A probe is a pull that does not wait; one is under way at a time. Its ids are given out by the next `take`.
 */
export const createHintSource = ({ runtime, queue, queueDepth, runnable, lanes }: Deps): HintSource => {
  const { clock, timers, logger } = runtime
  const heads = createHeadsFallback(runnable, (route) => lanes.serves(route))
  let failures = 0
  let answeredAtMs = clock.monotonicMs()
  let probe: Promise<void> | undefined
  let probed: TaskId[] = []

  const pull = async ({ max, signal }: TakeRequest, waitMs: number): Promise<readonly TaskId[]> => {
    try {
      const { taskIds, left } = await queue.pull({ routes: lanes.next(), max, waitMs, signal })
      if (failures >= failuresBeforeHeads) logger.info({ failures }, 'the queue answered again')
      failures = 0
      answeredAtMs = clock.monotonicMs()
      queueDepth.note(left)
      return taskIds
    } catch (error) {
      failures += 1
      if (failures === failuresBeforeHeads) {
        logger.warn({ err: error }, 'the queue did not answer: due tasks were taken from the store')
      }
      await timers.sleep(pauseMs, signal)
      return []
    }
  }

  const probeQueue = (request: TakeRequest): void => {
    probe ??= pull(request, 0).then((taskIds) => {
      probe = undefined
      probed.push(...taskIds)
    })
  }

  const takeFromHeads = async (request: TakeRequest): Promise<readonly TaskId[]> => {
    probeQueue(request)
    await timers.sleep(pauseMs, request.signal)
    if (request.signal.aborted || failures < failuresBeforeHeads) return []
    try {
      const taskIds = await heads.read(request.max)
      answeredAtMs = clock.monotonicMs()
      return taskIds
    } catch (error) {
      logger.debug({ err: error }, 'due tasks could not be read from the store')
      return []
    }
  }

  return {
    take: async (request) => {
      if (probed.length > 0) {
        const taskIds = probed
        probed = []
        return taskIds
      }
      return failures < failuresBeforeHeads ? pull(request, pullWaitMs / lanes.parts()) : takeFromHeads(request)
    },
    lastAnsweredAtMs: () => answeredAtMs,
    resetSilence: () => {
      answeredAtMs = clock.monotonicMs()
    },
  }
}
