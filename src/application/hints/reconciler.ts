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
 * Pushes from the heads what the queue may have lost: a lost push, an id whose worker died before it started the task, an
 * emptied or a resurrected queue are one case to it.
 */
export interface Reconciler {
  /** One pass, unless another process of the fleet is at it or one just was. Throws StoreUnavailableError, and what a push throws. */
  reconcile(signal: AbortSignal): Promise<void>
  /** From one pass to the next: twice as long while there is nothing to do, or another process does it. */
  everyMs(): number
}

interface Deps {
  readonly routes: Routes
  /** The rows of the registry, as of at most a pass ago. */
  readonly readWorkers: () => Promise<readonly WorkerRow[]>
  readonly runnable: RunnableIndex
  readonly queue: TaskQueue
  readonly queueDepth: QueueDepth
  readonly exclusiveWork: ExclusiveWork
  readonly announcer: ReadyAnnouncer
  readonly runtime: Runtime
}

/** Ids of one window of a pass, and heads due soon, each for one route. */
export const reconcileWindow = 1_000
/** Ids of one window while the queue is refilled. */
export const refillWindow = 10_000
/** How often sizes are asked for when no pull of this process has seen that few ids are left. */
const refillLookMs = 250
/** A refill looks again at the latest then, and no more often: what was pushed needs a moment to be pulled. */
const refillPauseMs = 20
/** A pass counts as due a little early: two clocks round differently, and a pass refused for it would come a whole one late. */
const dueShare = 0.9
/**
 * How many times longer it is to the next pass after one that had nothing to do, or that another process did. A lost push
 * is still found in time, and what an idle fleet costs is halved.
 */
const quietShare = 2
/** Timers are set a little beyond the next pass, however late it comes. */
const dueSoonPasses = 1.5 * quietShare

export const createReconciler = (deps: Deps, { reconcileMs }: { readonly reconcileMs: number }): Reconciler => {
  const scan = createDueScan({ runnable: deps.runnable, queue: deps.queue })
  let pace: 'quiet' | 'busy' = 'busy'

  const countPushed = (pushed: number): number => {
    if (pushed > 0) deps.runtime.count('reconciled', pushed)
    return pushed
  }

  /**
   * As long as walks are full and the queue runs dry, the next one comes at once and is larger. A walk that was not full,
   * or added nothing, ends that until the next pass: else it would spin.
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

  /** Until a pull of this process has seen that few ids are left, or for the time after which sizes are asked for. */
  const waitUntilLow = async (untilMs: number, signal: AbortSignal): Promise<void> => {
    const endMs = Math.min(untilMs, deps.runtime.clock.monotonicMs() + refillLookMs)
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
    if (pushed + soon.length > 0) pace = 'busy'
    await refill(served, untilMs, signal)
    deps.runtime.count('reconciliations')
  }

  return {
    reconcile: async (signal) => {
      pace = 'quiet'
      await deps.exclusiveWork.tryTurn('reconcile', reconcileMs * dueShare, () => pass(signal))
    },
    everyMs: () => (pace === 'busy' ? reconcileMs : reconcileMs * quietShare),
  }
}

const findDry = async (queue: TaskQueue, routes: readonly Route[]): Promise<readonly Route[]> => {
  const sizes = await Promise.all(routes.map((route) => queue.size(route, refillBelow)))
  return routes.filter((_, index) => (sizes[index] ?? 0) < refillBelow)
}

/**
 * The routes that a worker serves which neither drains nor has ended. Tasks of other routes wait among the heads and disturb
 * no queue. Silence does not count here: it is judged by the store's clock, and to push for a dead worker does no harm.
 */
const readServedRoutes = async ({ routes, readWorkers }: Deps): Promise<readonly Route[]> => {
  const services = (await readWorkers()).filter(({ state }) => state === 'live').map(toServes)
  if (services.length === 0) return []
  return (await routes.readAll()).filter((route) => services.some((serves) => serves(route)))
}
