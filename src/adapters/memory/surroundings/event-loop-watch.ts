/** Tells when no promise and no `soon` callback is left to run. */
export interface EventLoopWatch {
  /** Calls `callback` once, after the present turn of the event loop. */
  readonly soon: (callback: () => void) => void
  /** Resolves when the process is at rest. Throws a RangeError when it is not after 10,000 turns of the event loop. */
  readonly settle: () => Promise<void>
}

const turnsMax = 10_000
/** Turns in a row without a waiting `soon` callback after which the process counts as at rest. */
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
      throw new RangeError(`the process was not at rest after ${turnsMax} turns of the event loop`)
    },
  }
}

/** Resolves after every promise that can go on has gone on. */
const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
