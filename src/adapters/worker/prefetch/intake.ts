import type { Startable, TaskLoader } from '#application/runs/task-loader.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import type { WorkerLease } from '../lease/worker-lease.ts'
import type { Slots } from '../slots.ts'
import type { HintSource } from './hint-source.ts'
import type { ServedLanes } from './served-lanes.ts'
import { createStreamPrefetch } from './stream-prefetch.ts'
import type { WaitingTasks } from './waiting-tasks.ts'

/**
 * Pulls ids and loads their streams a little ahead of the slots, so that a slot that comes free need not wait for either.
 * Nothing is claimed here: a task that was pulled and never started has only lost a hint.
 *
 * It goes on whenever the slots change, a load ends or other lanes are served.
 */
export interface Intake {
  /** Hints again at the tasks that have waited too long for a slot, and pulls others if that leaves too few. */
  giveBackStale(): void
  /** Pulls no more and hints again at the tasks that wait. Resolves when no pull and no load is under way any more. */
  close(): Promise<void>
}

interface Deps {
  readonly runtime: Runtime
  readonly slots: Slots
  readonly source: HintSource
  readonly loader: TaskLoader
  readonly lanes: ServedLanes
  readonly waiting: WaitingTasks
  /** Called when loaded tasks have been added to the waiting ones. */
  readonly onLoaded: () => void
}

const idsPerTakeMax = 500
/** Fewer than this share of the target are not worth a pull: it costs a round trip, as one for all of them does. */
const leastShareOfTarget = 0.25

/** Its loop begins at once, and waits until there is a lease. */
export const createIntake = ({ runtime, slots, source, loader, lanes, waiting, onLoaded }: Deps): Intake => {
  const stop = new AbortController()
  const wake = createWake()
  let pull = new AbortController()

  const accept = (startables: readonly Startable[], lease: WorkerLease): void => {
    // They were judged for another incarnation.
    if (lease !== slots.lease()) return
    // A hint may name another route than the task has.
    waiting.add(startables.filter(({ task }) => lanes.serves(task.facts.submission)))
    if (stop.signal.aborted) waiting.giveBackAll()
    onLoaded()
  }

  const prefetch = createStreamPrefetch({ runtime, loader, stop: stop.signal, onLoaded: accept, onEnded: wake.wake })

  const missing = (): number => {
    const target = slots.target()
    const count = target - waiting.size() - prefetch.size()
    return count < target * leastShareOfTarget ? 0 : Math.min(idsPerTakeMax, count)
  }

  const takeSome = async (lease: WorkerLease, max: number): Promise<void> => {
    const end = (): void => pull.abort()
    pull = new AbortController()
    for (const signal of [stop.signal, lease.signal]) signal.addEventListener('abort', end)
    const taskIds = await source.take({ max, signal: pull.signal })
    for (const signal of [stop.signal, lease.signal]) signal.removeEventListener('abort', end)
    prefetch.begin(
      taskIds.filter((taskId) => !waiting.has(taskId) && !prefetch.has(taskId) && !slots.isTaken(taskId)),
      lease,
    )
  }

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const lease = slots.lease()
      const max = missing()
      if (lease?.isHeld() === true && max > 0) await takeSome(lease, max)
      else await wake.wait()
    }
  }

  slots.onChange(wake.wake)
  slots.onLeaseEnd(() => waiting.clear())
  lanes.onChanged(() => {
    // A pull that waits does not know the new lanes.
    pull.abort()
    wake.wake()
  })
  const ended = loop()

  return {
    giveBackStale: () => {
      waiting.giveBackStale()
      wake.wake()
    },
    close: async () => {
      stop.abort()
      wake.wake()
      waiting.giveBackAll()
      await ended
      await prefetch.settle()
    },
  }
}

/** Lets one loop sleep until there is something to do. */
interface Wake {
  wake(this: void): void
  /** Resolves at the next `wake`; at once when it was called since the last wait ended. */
  wait(): Promise<void>
}

const createWake = (): Wake => {
  let state: 'none' | 'woken' = 'none'
  let sleeper: (() => void) | undefined

  return {
    wake: () => {
      if (sleeper === undefined) state = 'woken'
      sleeper?.()
      sleeper = undefined
    },
    wait: () =>
      new Promise((resolve) => {
        if (state === 'none') sleeper = resolve
        else resolve()
        state = 'none'
      }),
  }
}
