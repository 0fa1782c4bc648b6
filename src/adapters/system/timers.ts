import type { Timers } from '#application/ports/surroundings/clock.ts'

/** The longest wait of Node's timers, which take anything longer for 1 ms. */
const waitMsMax = 2_147_483_647

/** Node's timers, for waits of any length. A caller that does not cancel its timer keeps the process alive until it fires. */
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
