import type { ReadyAnnouncer } from './announcer.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'
import type { Routes } from '../ports/heads/routes.ts'
import type { Route } from '#domain/route.ts'
import type { RunnableIndex } from '../ports/heads/runnable-index.ts'
import type { TaskQueue } from '../ports/queue/task-queue.ts'
import type { WorkerRow } from '../ports/workers/worker-registry.ts'
import { toServes } from '../health/worker-liveness.ts'
import { createDueScan } from './due-scan.ts'
import { type QueueDepth, refillBelow } from './queue-depth.ts'

/**
 * Pushes the due heads into the queue again, because the queue may have lost their hints. A lost push, an id whose worker
 * died before it started the task, an emptied queue and a queue with old content are one case to it.
 */
export interface Reconciler {
  /**
   * One pass, unless a process of the fleet does one or began one just now. Throws StoreUnavailableError, and what a push
   * throws.
   */
  reconcile(signal: AbortSignal): Promise<void>
  /** From one pass to the next: twice `reconcileMs` after a pass that pushed nothing, or that another process did. */
  everyMs(): number
}

interface Deps {
  readonly routes: Routes
  /** The rows of the registry, at most `reconcileMs` old. */
  readonly readWorkers: () => Promise<readonly WorkerRow[]>
  readonly runnable: RunnableIndex
  readonly queue: TaskQueue
  readonly queueDepth: QueueDepth
  readonly exclusiveWork: ExclusiveWork
  readonly announcer: ReadyAnnouncer
  readonly runtime: Runtime
}

/** Ids of one window, and heads that are due soon, for each route of a pass. */
export const reconcileWindow = 1_000
/** Ids of one window while the queue is refilled. */
export const refillWindow = 10_000
/** How often a refill asks the queue for its sizes while no pull of this process has seen that few ids are left. */
const refillSizesMs = 250
/** How often a refill asks whether few ids are left: the ids just pushed need a moment to be pulled. */
const refillPauseMs = 20
/** A pass counts as due a little early: two clocks round differently, and a pass refused for that is a whole period late. */
const dueShare = 0.9
/**
 * How many times longer the period is after a pass that pushed nothing, or that another process did: a lost push is still
 * found within five seconds, and the cost of an idle fleet is halved.
 */
const quietShare = 2
/** In periods: timers are set a little beyond the next pass, also when that comes after the longer period. */
const dueSoonPasses = 1.5 * quietShare

export const createReconciler = (deps: Deps, { reconcileMs }: { readonly reconcileMs: number }): Reconciler => {
  const scan = createDueScan({ runnable: deps.runnable, queue: deps.queue })
  let load: 'quiet' | 'busy' = 'busy'

  const countPushed = (pushed: number): number => {
    if (pushed > 0) deps.runtime.count('reconciled', pushed)
    return pushed
  }

  /**
   * Pushes the next, larger windows at once for as long as windows are full and few ids are left in the queue. A window that
   * was not full, or a push of nothing, ends the refill until the next pass: otherwise it would spin.
   */
  const refill = async (served: readonly Route[], untilMs: number, signal: AbortSignal): Promise<void> => {
    let routes = served.filter((route) => scan.hasMore(route))
    while (routes.length > 0 && !signal.aborted && deps.runtime.clock.monotonicMs() < untilMs) {
      const dry = deps.queueDepth.isLow() ? routes : await findDry(deps.queue, routes)
      deps.queueDepth.reset()
      if (dry.length > 0 && countPushed(await scan.pushNext(dry, refillWindow)) === 0) return
      routes = routes.filter((route) => scan.hasMore(route))
      await waitUntilLow(untilMs, signal)
    }
  }

  /** Resolves when a pull of this process has seen that few ids are left, and after `refillSizesMs` at the latest. */
  const waitUntilLow = async (untilMs: number, signal: AbortSignal): Promise<void> => {
    const endMs = Math.min(untilMs, deps.runtime.clock.monotonicMs() + refillSizesMs)
    do await deps.runtime.timers.sleep(refillPauseMs, signal)
    while (!deps.queueDepth.isLow() && !signal.aborted && deps.runtime.clock.monotonicMs() < endMs)
  }

  const pass = async (signal: AbortSignal): Promise<void> => {
    const untilMs = deps.runtime.clock.monotonicMs() + reconcileMs
    const served = await readServedRoutes(deps)
    if (served.length === 0) return
    const soon = await deps.runnable.readDueSoon(served, reconcileMs * dueSoonPasses, reconcileWindow)
    for (const due of soon) deps.announcer.announceDue(due)
    const pushed = countPushed(await scan.pushFrontAndNext(served, reconcileWindow))
    if (pushed + soon.length > 0) load = 'busy'
    await refill(served, untilMs, signal)
    deps.runtime.count('reconciliations')
  }

  return {
    reconcile: async (signal) => {
      load = 'quiet'
      await deps.exclusiveWork.tryTurn('reconcile', reconcileMs * dueShare, () => pass(signal))
    },
    everyMs: () => (load === 'busy' ? reconcileMs : reconcileMs * quietShare),
  }
}

const findDry = async (queue: TaskQueue, routes: readonly Route[]): Promise<readonly Route[]> => {
  const sizes = await Promise.all(routes.map((route) => queue.size(route, refillBelow)))
  return routes.filter((_, index) => (sizes[index] ?? 0) < refillBelow)
}

/**
 * The routes that a worker serves which neither drains nor has ended; tasks of other routes wait among the heads. A silent
 * worker counts: silence is judged by the store's clock, which may step, and a push for a dead worker does no harm.
 */
const readServedRoutes = async ({ routes, readWorkers }: Deps): Promise<readonly Route[]> => {
  const services = (await readWorkers()).filter(({ state }) => state === 'live').map(toServes)
  if (services.length === 0) return []
  return (await routes.readAll()).filter((route) => services.some((serves) => serves(route)))
}
