import type { TaskId } from '#domain/identifiers.ts'
import type { Instant } from '#domain/time.ts'
import type { Route } from '#domain/route.ts'

/** The heads that may be started, in the order of the queue. From them recovery pushes hints that were lost. */
export interface RunnableIndex {
  /**
   * Routes that have pending heads, due or not: up to `limit` (1..1000) of them after a position, from the first one on
   * without one. Costs its answer, however many routes were ever named. Throws StoreUnavailableError.
   */
  readRoutes(after: number | undefined, limit: number): Promise<RoutePage>

  /**
   * For each window the first `limit` due heads of its route after `after`, by (rank, id). Answers in the order asked;
   * one round trip. Throws StoreUnavailableError.
   */
  readDue(windows: readonly DueWindow[]): Promise<readonly (readonly RankedTask[])[]>

  /**
   * Heads of these routes that become due after now and within `withinMs`, soonest first, at most `limit` a route.
   * Throws StoreUnavailableError.
   */
  readDueSoon(routes: readonly Route[], withinMs: number, limit: number): Promise<readonly DueTask[]>

  /**
   * The store's clock, and when it lies behind an instant that it has shown before, the pending heads that only a step back
   * keeps from being due: those whose last event lies ahead of it, and that become ready after now. Those with the shortest
   * delay come first, at most `limit`, 1..10,000. That the clock lies behind shows by `shown`, an instant that the caller
   * has seen it at, by what any caller has told or read before, or by the newest task id. Costs two probes while it does
   * not. Throws StoreUnavailableError.
   */
  readSteppedOver(shown: Instant, limit: number): Promise<SteppedOver>
}

export interface SteppedOver {
  readonly now: Instant
  readonly heads: readonly SteppedOverHead[]
}

export interface SteppedOverHead extends DueTask {
  readonly version: number
  /** What its last event told it to wait: not positive for a task that was due at once. */
  readonly delayMs: number
}

export interface RoutePage {
  readonly routes: readonly Route[]
  /** Some of the tasks whose heads name a route that is not there: a failover has lost it, and they must be repaired. */
  readonly unnamed: readonly TaskId[]
  /** The position after which the next page begins; undefined after the last page. */
  readonly next: number | undefined
}

export interface DueWindow {
  readonly route: Route
  /** Undefined: from the front. */
  readonly after: RankedTask | undefined
  /** 1..10,000. */
  readonly limit: number
  /** Leaves out heads that have been ready for less than this. Undefined: leaves out none. */
  readonly readyForMs?: number
}

export interface RankedTask {
  readonly taskId: TaskId
  readonly rank: number
}

export interface DueTask {
  readonly taskId: TaskId
  readonly route: Route
  readonly priority: number
  readonly readyAt: Instant
}
