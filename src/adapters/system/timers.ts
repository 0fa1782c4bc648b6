import type { Timers } from '#application/ports/surroundings/clock.ts'

/** Node waits at most this long at once, and takes anything longer for 1 ms. */
const waitMsMax = 2_147_483_647

/** Node's timers. A wait of any length is kept; whoever sets one must end it, or the process lives until it is over. */
export const systemTimers: Timers = {
  after: (delayMs, callback) => {
    let timer: NodeJS.Timeout | undefined
    const wait = (leftMs: number): void => {
      timer = setTimeout(
        () => (leftMs > waitMsMax ? wait(leftMs - waitMsMax) : callback()),
        Math.min(Math.max(0, leftMs), waitMsMax),
      )
    }
    wait(delayMs)
    return () => {
      clearTimeout(timer)
    }
  },

  soon: (callback) => {
    setImmediate(callback)
  },

  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve()
      const wake = (): void => {
        cancel()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = systemTimers.after(delayMs, wake)
      signal?.addEventListener('abort', wake)
    }),
}
