/** Knows when promises and `soon` callbacks have run their course. */
export interface EventLoopWatch {
  /** Calls `callback` once when the present turn of the event loop is over. */
  readonly soon: (callback: () => void) => void
  /** Resolves when nothing is in motion any more. Throws a RangeError when one thing leads to the next without end. */
  readonly settle: () => Promise<void>
}

const turnsMax = 10_000
/** Turns without a `soon` callback after which everything is held to be at rest. */
const quietTurnsMin = 3

export const createEventLoopWatch = (): EventLoopWatch => {
  let callbacksWaiting = 0
  return {
    soon: (callback) => {
      callbacksWaiting += 1
      setImmediate(() => {
        callbacksWaiting -= 1
        callback()
      })
    },
    settle: async () => {
      let quietTurns = 0
      for (let turn = 0; turn < turnsMax; turn += 1) {
        await endOfTurn()
        quietTurns = callbacksWaiting === 0 ? quietTurns + 1 : 0
        if (quietTurns === quietTurnsMin) return
      }
      throw new RangeError(`nothing came to rest in ${turnsMax} turns of the event loop`)
    },
  }
}

/** Promises that can go on have gone on by then. */
const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
