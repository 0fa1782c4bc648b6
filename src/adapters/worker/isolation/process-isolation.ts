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

/** How long a process waits for another suspect. */
const idleMsMax = 60_000

/**
 * Runs attempts in child processes, one at a time in each. They live on, because to start one and load the handlers takes
 * longer than most attempts: a hundred innocents after two hard kills are through in a hundredfold of their own time, divided
 * by the number of processes.
 */
export const createProcessIsolation = (deps: Deps): Isolation => {
  const processes = new Set<IsolatedProcess>()
  const cancels = new Map<IsolatedProcess, () => void>()
  let state: 'open' | 'closed' = 'open'

  const start = (): IsolatedProcess => {
    const started = startIsolatedProcess(deps)
    processes.add(started)
    // The process may be gone only a little after its last handler has ended, and counts until then.
    void started.gone.then(() => {
      processes.delete(started)
      stopWaiting(started)
    })
    return started
  }

  const stopWaiting = (isolated: IsolatedProcess): void => {
    cancels.get(isolated)?.()
    cancels.delete(isolated)
  }

  const dismissWhenIdle = (isolated: IsolatedProcess): void => {
    if (!isolated.isFree() || !processes.has(isolated)) return
    const cancel = deps.timers.after(idleMsMax, () => isolated.dismiss())
    cancels.set(isolated, cancel)
  }

  return {
    freeCount: () => {
      if (state === 'closed') return 0
      return deps.processesMax - [...processes].filter((isolated) => !isolated.isFree()).length
    },
    run: async (request) => {
      const isolated = [...processes].find((each) => each.isFree()) ?? start()
      stopWaiting(isolated)
      const ending = await isolated.run(request)
      dismissWhenIdle(isolated)
      return ending
    },
    close: async () => {
      state = 'closed'
      for (const cancel of cancels.values()) cancel()
      for (const isolated of processes) isolated.kill()
      await Promise.all([...processes].map(({ gone }) => gone))
    },
  }
}
