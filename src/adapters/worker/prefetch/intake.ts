import type { ReadyAnnouncer } from '#application/hints/announcer.ts'
import type { Startable, TaskLoader } from '#application/runs/task-loader.ts'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Random } from '#application/ports/surroundings/identities.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { HintSource } from './hint-source.ts'
import { createLoads } from './stream-prefetch.ts'
import { createWaitingTasks } from './waiting-tasks.ts'
import type { ServedRoutes } from './served-routes.ts'
import type { Wake } from './wake.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'

/**
 * Pulls ids and loads their streams a little ahead of the slots, so that a slot that comes free need not wait for either.
 * Nothing is claimed here: what is taken and not used is only a hint.
 */
export interface Intake {
  /** Up to `max` tasks that may be started under the present lease, in the order they were taken. */
  take(max: number): readonly Startable[]
  /** Hints again at what was taken and has waited too long for a slot: another worker may have one free. */
  giveBackStale(): void
  /** Pulls anew when a pull is waiting, for routes that it does not know. */
  pullAnew(): void
  /** Forgets what was taken: it was judged for a lease that is over. */
  clear(): void
  /** Pulls no more and hints again at what was taken. Resolves when nothing is under way any more. */
  close(): Promise<void>
}

export interface IntakeDeps {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly source: HintSource
  readonly loader: TaskLoader
  readonly announcer: ReadyAnnouncer
  readonly routes: ServedRoutes
  /** Woken from outside when there may be more to want. */
  readonly wake: Wake
  /** Undefined while the worker has none in force. */
  readonly lease: () => WorkerLease | undefined
  /** How many tasks should be at hand now: for the slots that are free, and for those that will be soon. */
  readonly target: () => number
  /** Whether a task is already being started or run here. */
  readonly isTaken: (taskId: TaskId) => boolean
  readonly onLoaded: () => void
}

const idsPerTakeMax = 500
/** A pull for a handful of many costs a round trip like one for all. */
const leastShareOfTarget = 0.25

export const createIntake = (deps: IntakeDeps): Intake => {
  const stop = new AbortController()
  const waiting = createWaitingTasks(deps)
  let pull = new AbortController()

  const accept = (startables: readonly Startable[], lease: WorkerLease): void => {
    if (lease !== deps.lease()) return
    // A hint may lie about where it belongs.
    waiting.add(startables.filter(({ task }) => deps.routes.serves(task.submission)))
    if (stop.signal.aborted) waiting.giveBackAll()
    deps.onLoaded()
  }

  const loads = createLoads({ ...deps, stop: stop.signal, onLoaded: accept, onEnded: () => deps.wake.wake() })

  const wanted = (): number => {
    const target = deps.target()
    const missing = target - waiting.size() - loads.size()
    return missing < target * leastShareOfTarget ? 0 : Math.min(idsPerTakeMax, missing)
  }

  const takeSome = async (lease: WorkerLease, max: number): Promise<void> => {
    const end = (): void => pull.abort()
    pull = new AbortController()
    for (const signal of [stop.signal, lease.signal]) signal.addEventListener('abort', end)
    const taskIds = await deps.source.take({ routes: deps.routes.all(), max, signal: pull.signal })
    for (const signal of [stop.signal, lease.signal]) signal.removeEventListener('abort', end)
    loads.begin(
      taskIds.filter((taskId) => !waiting.has(taskId) && !loads.has(taskId) && !deps.isTaken(taskId)),
      lease,
    )
  }

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const lease = deps.lease()
      const max = wanted()
      if (lease?.isHeld() === true && max > 0 && deps.routes.all().length > 0) await takeSome(lease, max)
      else await deps.wake.wait()
    }
  }

  const ended = loop()

  return {
    take: (max) => waiting.take(max),
    giveBackStale: () => waiting.giveBackStale(),
    pullAnew: () => pull.abort(),
    clear: () => waiting.clear(),
    close: async () => {
      stop.abort()
      deps.wake.wake()
      waiting.giveBackAll()
      await ended
      await loads.settle()
    },
  }
}
