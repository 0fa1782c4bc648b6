import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { type IsolatedProcess, startIsolatedProcess } from './isolated-process.ts'
import type { Isolation } from './isolation.ts'

interface Deps {
  /** The module that calls `serveIsolatedRun`. */
  readonly entry: URL
  /** How many suspected tasks one worker runs at a time: each costs the memory of a process. */
  readonly processesMax: number
  /** Tells the process which handlers to load; any value that can be cloned. */
  readonly settings: unknown
  readonly timers: Timers
  readonly logger: Logger
  /** A process whose event loop stands still for so long counts as dead: a worker would have lost its lease by then. */
  readonly leaseMs: number
  /** The options that Node is started with; left out, those of this process without the debugger's. */
  readonly execArgv?: readonly string[]
  /** The environment of the process; left out, that of this one. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Runs each attempt in a child process that lives for it alone. */
export const createProcessIsolation = (deps: Deps): Isolation => {
  const running = new Set<IsolatedProcess>()
  let state: 'open' | 'closed' = 'open'

  return {
    freeCount: () => (state === 'closed' ? 0 : deps.processesMax - running.size),
    run: async (request) => {
      const isolated = startIsolatedProcess(deps, request)
      running.add(isolated)
      // The process may be gone only a little after its handler has ended, and counts until then.
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
