import type { PulledHints } from '#application/ports/queue/task-queue.ts'

/** A pull by numbers of routes. */
export interface NumberedPull {
  readonly routes: readonly number[]
  readonly max: number
  readonly waitMs: number
  readonly signal: AbortSignal
}

/** One pull that waits, until its time is over, its signal aborts or hints are found for it. */
export interface Waiter {
  readonly pull: NumberedPull
  /** Resolves or rejects with what `look` made of it. */
  readonly outcome: Promise<PulledHints>
  /** Takes for it. Answers what was found, or undefined when that failed. */
  look(): Promise<PulledHints | undefined>
  /** Ends it with nothing, or with what is being taken for it at this moment: nothing is taken and then lost. */
  giveUp(): void
}

interface Deps {
  readonly take: (pull: NumberedPull) => Promise<PulledHints>
  /** Called once, as it ends. */
  readonly ended: (waiter: Waiter) => void
}

export const createWaiter = (pull: NumberedPull, { take, ended }: Deps): Waiter => {
  const settle = Promise.withResolvers<PulledHints>()
  let state: 'resting' | 'looking' | 'ended' = 'resting'
  let time: 'left' | 'over' = 'left'

  const end = (outcome: () => void): void => {
    state = 'ended'
    clearTimeout(timer)
    pull.signal.removeEventListener('abort', giveUp)
    ended(waiter)
    outcome()
  }

  const giveUp = (): void => {
    time = 'over'
    if (state === 'resting') end(() => settle.resolve({ taskIds: [], left: 0 }))
  }

  const look = async (): Promise<PulledHints | undefined> => {
    state = 'looking'
    try {
      const hints = await take(pull)
      state = 'resting'
      if (hints.taskIds.length > 0 || isOver(time)) end(() => settle.resolve(hints))
      return hints
    } catch (error) {
      end(() => settle.reject(error))
      return undefined
    }
  }

  const waiter: Waiter = { pull, outcome: settle.promise, look, giveUp }
  const timer = setTimeout(giveUp, pull.waitMs)
  pull.signal.addEventListener('abort', giveUp)
  return waiter
}

/** Time may have run out while one looked. */
const isOver = (time: 'left' | 'over'): boolean => time === 'over'
