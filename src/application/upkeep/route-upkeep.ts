import { createPeriodicLoop, type PeriodicLoop } from '../mechanisms/periodic-loop.ts'
import type { SteadyClock } from '../mechanisms/steady-clock.ts'
import type { UnusedRoutes } from '../ports/heads/unused-routes.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'

interface Deps {
  readonly unusedRoutes: UnusedRoutes
  readonly exclusiveWork: ExclusiveWork
  readonly steadyClock: SteadyClock
  readonly runtime: Runtime
}

/** From one pass of the whole fleet to the next, and until the clock is looked at again while it is unsettled. */
const everyMs = { settled: 3_600_000, unsettled: 10_000 }

/** How long a route without tasks is kept. Far longer than a process goes by what it knows of a route. */
export const routeAgeMsMin = 86_400_000

/**
 * Forgets the routes that have had no task for a day, in one process of the fleet at a time. Nothing is forgotten while the
 * store's clock may have leaped.
 */
export const createRouteUpkeep = ({ unusedRoutes, exclusiveWork, steadyClock, runtime }: Deps): PeriodicLoop => {
  let state: keyof typeof everyMs = 'unsettled'

  const forget = async (usedBefore: number, signal: AbortSignal): Promise<void> => {
    const forgotten = await unusedRoutes.forget(usedBefore, signal)
    if (forgotten > 0) runtime.logger.info({ forgotten }, 'forgot pairs of queue and type that had no tasks for a day')
  }

  return createPeriodicLoop(runtime, {
    name: 'routes',
    pass: async (signal) => {
      const now = steadyClock.settledNow()
      state = now === undefined ? 'unsettled' : 'settled'
      if (now === undefined) return
      await exclusiveWork.tryTurn('routes', everyMs.settled, () => forget(now - routeAgeMsMin, signal))
    },
    everyMs: () => everyMs[state],
  })
}
