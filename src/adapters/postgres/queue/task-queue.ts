import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import {
  type Hint,
  type PulledHints,
  queueIdsMax as queueIdsMaxOfPort,
  type TaskQueue,
} from '#application/ports/queue/task-queue.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { type TaskId, trustTaskId } from '#domain/identifiers.ts'
import { type Route, routeKey } from '#domain/route.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import type { PostgresRoutes } from '../heads/routes.ts'
import { channels, type PostgresListener } from '../notifications/listener.ts'
import {
  createBoundedPush,
  type NotificationContent,
  type NumberedHint,
  parseNotification,
  toArray,
  unknownPush,
} from './bounded-push.ts'
import { createDeadRowsWatch, type DeadRowsLimits, deadRowsLimits, type DeadRowsWatch } from './dead-rows.ts'
import {
  createLeftEstimates,
  createLowestRank,
  type LeftEstimates,
  type LowestRank,
  readAllEveryMsDefault,
} from './pull-memory.ts'
import { createWaitingPulls, type NumberedPull } from './waiting-pulls.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly routes: PostgresRoutes
  /** The caller closes it. */
  readonly listener: PostgresListener
  readonly logger: Logger
  /** How many ids one route may hold; the port's number unless said otherwise. */
  readonly queueIdsMax?: number
  readonly deadRows?: DeadRowsLimits
  /** How long pulls may pass over lower hints that this process was not told of; 0: each pull reads from the lowest. */
  readonly readAllEveryMs?: number
}

export interface PostgresTaskQueue extends TaskQueue {
  /** Ends the pulls that wait, with no ids; later pulls take none. Idempotent. */
  close(): Promise<void>
}

const idsPerPullMax = 1_000
const waitMsMax = 10_000

/** How long a lost notification can delay a hint. */
const pollMs = { listening: 3_000, otherwise: 250 }

/**
 * The queue as an unlogged table, taskfold.queue_hints, for an installation without Redis.
 *
 * - bounded-push.ts adds hints, bounds the routes and notifies the other processes;
 * - pull-memory.ts holds what is remembered from one pull to the next;
 * - waiting-pulls.ts has the pulls that found nothing, until a notification or a poll finds hints for them;
 * - dead-rows.ts empties the table when an old snapshot keeps its dead rows and they make pulls slow.
 *
 * All calls throw StoreUnavailableError.
 */
export const createPostgresTaskQueue = (deps: Deps): PostgresTaskQueue => {
  const { pool, routes, listener, queueIdsMax = queueIdsMaxOfPort } = deps
  const lowestRank = createLowestRank(deps.readAllEveryMs ?? readAllEveryMsDefault, monotonicMs)
  const left = createLeftEstimates(monotonicMs)
  const deadRows = createDeadRowsWatch(pool, deps.logger, deps.deadRows ?? deadRowsLimits)
  const takeLowest = createTakeLowest({ pool, listener, lowestRank, left, deadRows })
  const push = createBoundedPush(pool, queueIdsMax)
  let state: 'open' | 'closed' = 'open'

  const take = async ({ routes: numbers, max }: NumberedPull): Promise<PulledHints> =>
    numbers.length === 0 || state === 'closed' ? { taskIds: [], left: 0 } : takeLowest(numbers, max)

  const waiting = createWaitingPulls({
    take,
    pollMs: () => (listener.state() === 'listening' ? pollMs.listening : pollMs.otherwise),
  })
  const onPushed = (content: NotificationContent): void => {
    lowestRank.onPushed(content.lowestRank)
    waiting.wake(content.routes)
  }
  const unsubscribe = listener.subscribe(channels.hints, {
    onNotification: (text) => onPushed(parseNotification(text)),
    onGap: () => onPushed(unknownPush),
  })

  return {
    push: async (hints, novelty = 'new') => {
      if (hints.length === 0) return
      const content = await push(await numberHints(routes, hints), novelty)
      // While it listens, its own notification wakes the pulls that wait here as well.
      if (listener.state() === 'listening') lowestRank.onPushed(content.lowestRank)
      else onPushed(content)
    },

    pull: async (request) => {
      assertWithin('max', request.max, 1, idsPerPullMax)
      assertWithin('waitMs', request.waitMs, 0, waitMsMax)
      if (request.signal.aborted || state === 'closed') return { taskIds: [], left: 0 }
      const { max, waitMs, signal } = request
      const pull: NumberedPull = { routes: await numberRoutes(routes, request.routes), max, waitMs, signal }
      const wakesBefore = waiting.wakes()
      const found = await take(pull)
      if (found.taskIds.length > 0 || waitMs === 0 || signal.aborted || isClosed(state)) return found
      return waiting.wait(pull, found, wakesBefore)
    },

    size: async (route, countMax = queueIdsMax) => {
      const number = (await routes.findNumbers([route])).get(routeKey(route))
      return number === undefined ? 0 : countHints(pool, number, countMax)
    },

    close: async () => {
      state = 'closed'
      unsubscribe()
      waiting.close()
      await deadRows.settle()
    },
  }
}

const monotonicMs = (): number => performance.now()

/** Read anew: TypeScript takes the state for the one it was before the await. */
const isClosed = (state: 'open' | 'closed'): boolean => state === 'closed'

const assertWithin = (name: string, value: number, least: number, most: number): void => {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} must be ${least} to ${most}, not ${value}`)
}

/** Nearly all hints are for the few routes that are known; unknown ones are learned in one round trip. */
const numberHints = async (routes: PostgresRoutes, hints: readonly Hint[]): Promise<readonly NumberedHint[]> => {
  await routes.learn(hints.map(({ route }) => route))
  const numbered: NumberedHint[] = []
  for (const { taskId, rank, route } of hints) {
    numbered.push({ taskId, rank, route: routes.knownNumberOf(route) ?? (await routes.numberOf(route)) })
  }
  return numbered
}

/** The number of each route once, however often it is asked for; unknown routes are learned in one round trip. */
const numberRoutes = async (routes: PostgresRoutes, requested: readonly Route[]): Promise<readonly number[]> => {
  const distinct = [...new Map(requested.map((route) => [routeKey(route), route])).values()]
  await routes.learn(distinct)
  const numbers: number[] = []
  for (const route of distinct) numbers.push(await routes.numberOf(route))
  return numbers
}

interface TakeDeps {
  readonly pool: DatabasePool
  readonly listener: PostgresListener
  readonly lowestRank: LowestRank
  readonly left: LeftEstimates
  readonly deadRows: DeadRowsWatch
}

/** Takes up to `max` of the lowest ids of these routes from the table, with the help of what earlier pulls found. */
const createTakeLowest =
  ({ pool, listener, lowestRank, left, deadRows }: TakeDeps) =>
  async (routes: readonly number[], max: number): Promise<PulledHints> => {
    // A process that hears of no new hints must read from the lowest rank each time.
    if (listener.state() !== 'listening') lowestRank.onPushed(unknownPush.lowestRank)
    const pull = lowestRank.beginPull(routes)
    let highestRank: number | undefined
    try {
      const taken = await pullHints(pool, { routes, max, fromRank: pull.fromRank, countMax: left.countMax(routes) })
      highestRank = taken.highestRank
      deadRows.observe(taken.tookMs, routes)
      return { taskIds: taken.taskIds, left: left.update(routes, taken.taskIds.length, taken.left) }
    } finally {
      pull.end(highestRank)
    }
  }

interface Pull {
  readonly routes: readonly number[]
  readonly max: number
  /** Undefined: from the lowest. */
  readonly fromRank: number | undefined
  /** How far to count the ids that are left; 0: not at all. */
  readonly countMax: number
}

interface TakenHints {
  readonly taskIds: readonly TaskId[]
  /** How long the server took to find and delete them. */
  readonly tookMs: number
  /** Undefined when none was taken. */
  readonly highestRank: number | undefined
  /** At most the number asked for; undefined when they were not counted. */
  readonly left: number | undefined
}

const pulledRow = z.object({
  task_ids: z.string(),
  highest: z.int().nullable(),
  took_ms: z.number(),
  left_over: z.number().nullable(),
})

/** Takes the lowest ids of several routes; an id that was pushed at two ranks may come twice. */
const pullHints = async (pool: DatabasePool, { routes, max, fromRank, countMax }: Pull): Promise<TakenHints> => {
  const row = await withReadDeadline(
    pool.one(sql.prepared('taskfold.pull', pulledRow)`
      select task_ids, highest, took_ms, left_over
      from taskfold.pull_hints(${toArray(routes)}::int[], ${max}::int, ${countMax}::int, ${fromRank ?? null}::bigint)`),
  )
  return {
    taskIds: row.task_ids === '' ? [] : row.task_ids.split(',').map(trustTaskId),
    highestRank: row.highest ?? undefined,
    tookMs: row.took_ms,
    left: row.left_over ?? undefined,
  }
}

/** How many ids a route holds, counted up to `countMax`. */
const countHints = (pool: DatabasePool, route: number, countMax: number): Promise<number> =>
  withReadDeadline(
    pool.oneFirst(sql.prepared('taskfold.count', z.object({ count: z.number() }))`
      select taskfold.count_hints(${route}::int, ${countMax}::int) as count`),
  )
