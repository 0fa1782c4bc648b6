import type { Instant } from '#domain/time.ts'

/** Time that never steps, for durations. Its zero is arbitrary. */
export interface Clock {
  /** Milliseconds with fractions, the same zero in every thread of the process. */
  monotonicMs(): number
}

/** The store's clock as estimated from its answers. Only for aiming timers and minting ids; decisions use what the store said. */
export interface StoreClock {
  now(): Instant
}

/** The waits of the application. The owner of each ends it when it closes. */
export interface Timers {
  /** Calls `callback` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void

  /** Calls `callback` once when the present turn of the event loop is over: the work of one turn can then go together. */
  soon(callback: () => void): void

  /** Resolves after `delayMs`, or as soon as `signal` aborts; never rejects. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}
