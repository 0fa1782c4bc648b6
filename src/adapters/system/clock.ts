import type { Clock } from '#application/ports/surroundings/clock.ts'

/** The operating system's monotonic clock. Unlike `performance.now`, it has one zero for all threads of the process. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now() + zeroMs,
}

/** `performance.now` reads the same clock from another zero, and unlike `process.hrtime.bigint` allocates no big integer. */
const zeroMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
