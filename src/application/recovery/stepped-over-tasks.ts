import { type ChangeTaskDeps, changeTask } from '../commands/change-task.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'
import { createDueTimers } from '../hints/due-timers.ts'
import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'
import { isUnreadable } from '../runs/fold-stream.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RunnableIndex, SteppedOverHead } from '../ports/heads/runnable-index.ts'
import type { StoreClock } from '../ports/surroundings/clock.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'

interface Deps {
  readonly runnable: Pick<RunnableIndex, 'readSteppedOver'>
  readonly exclusiveWork: ExclusiveWork
  readonly changing: ChangeTaskDeps
  readonly announcer: ReadyAnnouncer
  /** As this process knows it from the answers of the store. */
  readonly storeClock: StoreClock
  readonly runtime: Runtime
}

const everyMs = { idle: 10_000, full: 1_000 }
/** How often this process looks at its own reading of the clock, which asks the store nothing. */
const lookEveryMs = 1_000
/** A reading that gets better is no step. */
const stepMs = 1_000
/** A turn counts as due a little early, as for the reconciler. */
const dueShare = 0.9
/** Heads of one pass. After one that was full the next one comes soon. */
const headsMax = 10_000

/**
 * Keeps a step back of the store's clock from putting tasks off, which the reconciler, who asks by that clock, does not see.
 *
 * A task that was due when it was recorded is due still: it is hinted at. One with a delay, recorded at an instant that lies
 * ahead now, waits its delay once more by this process's monotonic clock, and is then made due by an event, because its
 * readiness must not hang on what one process remembers. A process that takes over begins the wait anew, and the clock
 * itself ends it at the latest.
 *
 * One process at a time reads such heads. Whoever sees the clock step back reads them at once, whoever's turn it is: the one
 * whose turn comes next may not have seen it.
 */
export const createSteppedOverTasks = (deps: Deps): PeriodicLoop => {
  const { runnable, exclusiveWork, announcer, storeClock, runtime } = deps
  /** The latest instant that the clock has shown to this process. */
  let shown = 0
  /** The latest that this process has told of after a step back. */
  let told = 0
  let nextTurnAtMs = 0
  let clockState: 'ahead' | 'behind' = 'ahead'
  let load: 'idle' | 'full' = 'idle'
  const underWay = new Set<Promise<void>>()
  /** A task that this release cannot read was left alone since the last pass. */
  let unread: TaskId | undefined

  const timers = createDueTimers<SteppedOverHead>(runtime.timers, (head) => {
    const hurrying = hurry(deps, head).then((outcome) => {
      underWay.delete(hurrying)
      if (outcome === 'unreadable') unread = head.taskId
    })
    underWay.add(hurrying)
  })

  const pass = async (): Promise<void> => {
    const { now, heads } = await runnable.readSteppedOver(shown, headsMax)
    const isBehind = now < shown - stepMs
    if (isBehind && clockState === 'ahead') runtime.logger.warn({ now, shown }, "the store's clock stepped back")
    clockState = isBehind ? 'behind' : 'ahead'
    load = heads.length === headsMax ? 'full' : 'idle'
    shown = Math.max(shown, now)
    for (const head of heads) {
      if (head.delayMs <= 0) announcer.announceDue(head, head.readyAt)
      else timers.set(head, head.delayMs)
    }
    if (unread === undefined) return
    const taskId = unread
    unread = undefined
    // A turn that failed goes to the other processes first: one of a later release can read the task.
    throw new Error(`task ${taskId} was written by a later release and cannot be made due here`)
  }

  const look = async (): Promise<void> => {
    const now = storeClock.now()
    shown = Math.max(shown, now)
    if (now < shown - stepMs && told < shown) {
      await pass()
      told = shown
      return
    }
    if (runtime.clock.monotonicMs() < nextTurnAtMs) return
    nextTurnAtMs = runtime.clock.monotonicMs() + everyMs[load]
    await exclusiveWork.tryTurn('stepped-over', everyMs[load] * dueShare, pass)
  }

  const loop = createPeriodicLoop(runtime, { name: 'stepped-over', pass: look, everyMs: () => lookEveryMs })
  return {
    start: () => loop.start(),
    close: async () => {
      timers.close()
      await loop.close()
      await Promise.all(underWay)
    },
  }
}

const reason = "the store's clock stepped back"

/** If it fails, the next pass finds the task again. */
const hurry = async (
  { changing, announcer, runtime }: Deps,
  { taskId, version }: SteppedOverHead,
): Promise<'over' | 'unreadable'> => {
  try {
    const outcome = await changeTask(changing, {
      taskId,
      toCommand: (now) => ({ type: 'RunNow', now }),
      context: { reason },
      ifVersion: version,
    })
    if (outcome.kind === 'changed') announcer.announce(outcome.task, outcome.now)
  } catch (error) {
    runtime.logger.debug({ taskId, err: error }, 'a task was not made due after a step of the clock')
    if (isUnreadable(error)) return 'unreadable'
  }
  return 'over'
}
