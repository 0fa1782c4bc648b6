import type { QueueDepth } from '#application/hints/queue-depth.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Route } from '#domain/route.ts'
import type { RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createHeadWindows } from './head-windows.ts'

/** Where a worker gets ids from: the queue, or the heads while the queue is away. */
export interface HintSource {
  /** Takes up to `max` ids; waits some seconds when there are none. Never throws; after a failure it pauses. */
  take(request: TakeRequest): Promise<readonly TaskId[]>
  /** When ids were last asked for with success, or there was no reason to ask, by the monotonic clock. */
  lastTakenAtMs(): number
  /** There is no reason to ask at present: the silence so far means nothing. */
  excuse(): void
}

export interface TakeRequest {
  readonly routes: readonly Route[]
  readonly max: number
  readonly signal: AbortSignal
}

interface Deps {
  readonly clock: Clock
  readonly timers: Timers
  readonly queue: TaskQueue
  readonly runnable: RunnableIndex
  readonly logger: Logger
  readonly queueDepth: QueueDepth
}

/** Well below the silence after which pulls count as failing. Hints wake a pull that waits; this only bounds one. */
const pullWaitMs = 3_000
const failuresBeforeHeads = 3
/** At most ten times a second, whether the queue is asked again or the heads are read. */
const pauseMs = 100

/**
 * After three failed pulls in a row the ids come from the heads, as the reconciler reads them. Meanwhile the queue is
 * asked beside it, one pull at a time, until one succeeds.
 */
export const createHintSource = (deps: Deps): HintSource => {
  const heads = createHeadWindows(deps)
  let failures = 0
  let takenAtMs = deps.clock.monotonicMs()
  let probe: Promise<void> | undefined
  let probed: TaskId[] = []

  const pull = async ({ routes, max, signal }: TakeRequest, waitMs: number): Promise<readonly TaskId[]> => {
    try {
      const { taskIds, left } = await deps.queue.pull({ routes, max, waitMs, signal })
      if (failures >= failuresBeforeHeads) deps.logger.info({ failures }, 'the queue answered again')
      failures = 0
      takenAtMs = deps.clock.monotonicMs()
      deps.queueDepth.note(left)
      return taskIds
    } catch (error) {
      failures += 1
      if (failures === failuresBeforeHeads) {
        deps.logger.warn({ err: error }, 'the queue did not answer: due tasks were taken from the store')
      }
      await deps.timers.sleep(pauseMs, signal)
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
    await deps.timers.sleep(pauseMs, request.signal)
    if (request.signal.aborted || failures < failuresBeforeHeads) return []
    try {
      const taskIds = await heads.read(request.routes, request.max)
      takenAtMs = deps.clock.monotonicMs()
      return taskIds
    } catch (error) {
      deps.logger.debug({ err: error }, 'due tasks could not be read from the store')
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
      return failures < failuresBeforeHeads ? pull(request, pullWaitMs) : takeFromHeads(request)
    },
    lastTakenAtMs: () => takenAtMs,
    excuse: () => {
      takenAtMs = deps.clock.monotonicMs()
    },
  }
}
