import type { ReadyAnnouncer } from './announcer.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { ExclusiveWork } from '../ports/workers/exclusive-work.ts'
import { type Route, routeKey } from '#domain/route.ts'
import type { RunnableIndex } from '../ports/heads/runnable-index.ts'
import type { TaskQueue } from '../ports/queue/task-queue.ts'
import type { WorkerRow } from '../ports/workers/worker-registry.ts'
import { toServes } from '../health/worker-liveness.ts'
import { createDueScan } from './due-scan.ts'
import type { Lanes } from './lanes.ts'
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
  /** The rows of the registry, at most `reconcileMs` old. */
  readonly readWorkers: () => Promise<readonly WorkerRow[]>
  readonly runnable: RunnableIndex
  readonly queue: TaskQueue
  readonly lanes: Lanes
  readonly queueDepth: QueueDepth
  readonly exclusiveWork: ExclusiveWork
  readonly announcer: ReadyAnnouncer
  readonly runtime: Runtime
}

/** Ids of one window, and heads that are due soon, for each route of a pass. Fewer for each when there are many routes. */
export const reconcileWindow = 1_000
/** Ids of one window while the queue is refilled. Fewer for each when there are many routes. */
export const refillWindow = 10_000
/** About how many ids one pass, or one step of a refill, pushes at most in all its windows of one kind. */
const idsPerStepMax = 50_000
const windowMin = 4
/** Routes with pending heads that one pass looks at. With more of them the next pass goes on behind them. */
const routesPerPassMax = 10_000
const routesPerRead = 1_000
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
  const scan = createDueScan(deps)
  const findServed = createServedScan(deps)
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
      const dry = deps.queueDepth.isLow() ? routes : await findDry(deps, routes)
      deps.queueDepth.reset()
      if (dry.length > 0 && countPushed(await scan.pushNext(dry, shareOf(dry, refillWindow))) === 0) return
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

  /** Sets timers for the heads that become due before the pass after the next. Answers how many there are. */
  const announceSoon = async (routes: readonly Route[], limit: number): Promise<number> => {
    let announced = 0
    for (let first = 0; first < routes.length; first += routesPerRead) {
      const part = routes.slice(first, first + routesPerRead)
      const soon = await deps.runnable.readDueSoon(part, reconcileMs * dueSoonPasses, limit)
      for (const due of soon) deps.announcer.announceDue(due)
      announced += soon.length
    }
    return announced
  }

  const pass = async (signal: AbortSignal): Promise<void> => {
    const untilMs = deps.runtime.clock.monotonicMs() + reconcileMs
    const served = await findServed()
    if (served.length > 0) {
      const window = shareOf(served, reconcileWindow)
      const soon = await announceSoon(served, window)
      const pushed = countPushed(await scan.pushFrontAndNext(served, window))
      if (pushed + soon > 0) load = 'busy'
    }
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

/** What each route may have of the ids of one step. */
const shareOf = (routes: readonly Route[], window: number): number =>
  Math.max(windowMin, Math.min(window, Math.floor(idsPerStepMax / Math.max(1, routes.length))))

/** The routes whose hints are in lanes with few ids left. */
const findDry = async (
  { queue, lanes }: Pick<Deps, 'queue' | 'lanes'>,
  routes: readonly Route[],
): Promise<readonly Route[]> => {
  const byLane = Map.groupBy(routes, (route) => routeKey(lanes.laneOf(route)))
  const dry: Route[] = []
  for (const inLane of byLane.values()) {
    const lane = inLane[0] && lanes.laneOf(inLane[0])
    if (lane !== undefined && (await queue.size(lane, refillBelow)) < refillBelow) dry.push(...inLane)
  }
  return dry
}

/**
 * Finds the routes that have pending heads and a worker which serves them and neither drains nor has ended; tasks of other
 * routes wait among the heads. A silent worker counts: silence is judged by the store's clock, which may step, and a push for
 * a dead worker does no harm.
 *
 * Goes by what is pending and not by what was ever named, so that names without tasks cost nothing.
 */
const createServedScan = ({ runnable, lanes, readWorkers }: Pick<Deps, 'runnable' | 'lanes' | 'readWorkers'>) => {
  let position: number | undefined

  return async (): Promise<readonly Route[]> => {
    await lanes.refresh()
    const services = (await readWorkers()).filter(({ state }) => state === 'live').map(toServes)
    if (services.length === 0) return []
    const served: Route[] = []
    for (let read = 0; read < routesPerPassMax; read += routesPerRead) {
      const page = await runnable.readRoutes(position, routesPerRead)
      served.push(...page.routes.filter((route) => services.some((serves) => serves(route))))
      position = page.next
      if (position === undefined) break
    }
    return served
  }
}
