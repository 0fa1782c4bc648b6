import type { Clock } from '#application/ports/clock.ts'

/** The operating system's monotonic clock. Unlike `performance.now`, it has one zero for all threads of the process. */
export const systemClock: Clock = {
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
}
