import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { type IsolatedProcess, startIsolatedProcess } from './isolated-process.ts'
import type { Isolation } from './isolation.ts'

interface Deps {
  /** The module that calls `serveIsolatedRun`. */
  readonly entry: URL
  /** What its loading of handlers is told; any value that can be cloned. */
  readonly settings: unknown
  readonly timers: Timers
  readonly logger: Logger
  /** A process whose event loop stands still for so long would have lost its worker, and counts as dead. */
  readonly leaseMs: number
  /** What Node is started with. */
  readonly execArgv?: readonly string[]
}

/** How many tasks under suspicion one worker runs at a time: each costs the memory of a process. */
const processesMax = 2

/** Runs each attempt in a child process that lives for it alone. */
export const createProcessIsolation = (deps: Deps): Isolation => {
  const running = new Set<IsolatedProcess>()
  let state: 'open' | 'closed' = 'open'

  return {
    freeCount: () => (state === 'closed' ? 0 : processesMax - running.size),
    run: async (request) => {
      const isolated = startIsolatedProcess(deps, request)
      running.add(isolated)
      // Its place is free when it is gone, which may be a little after the handler has ended.
      void isolated.gone.then(() => running.delete(isolated))
      return isolated.ending
    },
    close: async () => {
      state = 'closed'
      for (const isolated of running) isolated.kill()
      await Promise.all([...running].map(({ gone }) => gone))
    },
  }
}
