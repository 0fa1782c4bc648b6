import type { StoreClock } from '#application/ports/surroundings/clock.ts'
import type { Effect } from '#application/ports/ledger/idempotency-ledger.ts'
import type { ProgressReport } from '#application/ports/ledger/progress-board.ts'
import { type Route, routeKey } from '#domain/route.ts'
import type { SubmitKey } from '#application/ports/events/submit-keys.ts'
import type { WorkerRow } from '#application/ports/workers/worker-registry.ts'
import type { AppendId, Incarnation, Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText, RecordedEvent } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'
import { createEventLog, type EventLog } from './events/event-log.ts'
import { createHeadTable, type HeadTable } from './heads/head-table.ts'

/**
 * The stored state that all memory adapters of one imagined fleet share, as processes share a database. A test may read it
 * directly, or damage it.
 */
export interface MemoryDatabase {
  /** The store's clock, in whole milliseconds. A test may set it back, as a server's clock can be. */
  now(): Instant
  /** The authority on every task: its events in order of version. An array is never changed, only replaced. */
  readonly streams: Map<TaskId, readonly RecordedEvent[]>
  /** All events in the order of the feed. */
  readonly log: EventLog
  /** Tasks whose streams cannot be decoded, as if a later release had written them. */
  readonly undecodable: Set<TaskId>
  /** Derived from the streams. A test sets one to something else to imagine a head that went wrong. */
  readonly heads: HeadTable
  /** By `routeKey`, in the order they were learned. */
  readonly routes: Map<string, Route>
  /** When each of them was learned last. */
  readonly routesUsedAt: Map<string, Instant>
  readonly workers: Map<Incarnation, StoredWorker>
  /** The latest turn of each piece of exclusive work, by its name. */
  readonly exclusiveWork: Map<string, StoredTurn>
  /** By `submitKeyIn`, in the order they were taken. */
  readonly submitKeys: Map<string, StoredKey>
  /** The latest instant that the clock was seen at: see migrations/0012_clock.sql. */
  latestClock: Instant
  /** The effects of each task by their names, in the order they were first begun. */
  readonly effects: Map<TaskId, Map<string, StoredEffect>>
  readonly progress: Map<TaskId, ProgressReport>
  learnRoute(route: Route): void
}

export type StoredWorker = Omit<WorkerRow, 'silentForMs'>

export interface StoredKey {
  readonly taskId: TaskId
  readonly fingerprint: string
  readonly createdAt: Instant
}

/** Scope and key as one text; different pairs give different texts. */
export const submitKeyIn = ({ scope, key }: SubmitKey): string => JSON.stringify([scope, key])

/** An effect with what later claims are compared with: see migrations/0010_effects.sql. */
export interface StoredEffect extends Omit<Effect, 'state'> {
  readonly state: 'claimed' | 'not-done' | 'in-doubt' | 'completed'
  readonly run: Run
  readonly claim: AppendId
  readonly since: 'new' | 'taken-over'
  readonly input: JsonText | undefined
}

export interface StoredTurn {
  /** By the monotonic clock. */
  readonly begunAtMs: number
  readonly state: 'under way' | 'done' | 'failed'
  /** The process whose turn it was; equal only to itself. */
  readonly holder: object
}

/** An empty database. Nothing in it is written to disk. */
export const createMemoryDatabase = ({ storeClock }: { readonly storeClock: StoreClock }): MemoryDatabase => {
  const routes = new Map<string, Route>()
  const routesUsedAt = new Map<string, Instant>()
  return {
    now: () => storeClock.now(),
    streams: new Map(),
    log: createEventLog(),
    undecodable: new Set(),
    heads: createHeadTable(),
    routes,
    routesUsedAt,
    workers: new Map(),
    exclusiveWork: new Map(),
    effects: new Map(),
    progress: new Map(),
    submitKeys: new Map(),
    latestClock: Number.NEGATIVE_INFINITY,
    learnRoute: ({ queue, type }) => {
      const route = { queue, type }
      if (!routes.has(routeKey(route))) routes.set(routeKey(route), route)
      routesUsedAt.set(routeKey(route), storeClock.now())
    },
  }
}
