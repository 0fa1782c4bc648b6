import { type Route, routeKey } from '#domain/route.ts'
import {
  type Hint,
  type PulledHints,
  queueIdsMax as queueIdsMaxOfPort,
  type TaskQueue,
} from '#application/ports/queue/task-queue.ts'
import { type News, parseNews, toNews } from './news.ts'
import { countHints, type NumberedHint, pushHints } from './statements.ts'
import { createTaking, type TakingDeps } from './taking.ts'
import type { NumberedPull } from './waiter.ts'
import { createWaitingPulls } from './waiting-pulls.ts'
import type { PostgresRoutes } from '../heads/routes.ts'
import { channels, type PostgresListener } from '../notifications/listener.ts'

interface Deps extends TakingDeps {
  readonly routes: PostgresRoutes
  /** Closed by whoever made it. */
  readonly listener: PostgresListener
  /** How many ids one route may hold; the port's number unless said otherwise. */
  readonly queueIdsMax?: number
}

export interface PostgresTaskQueue extends TaskQueue {
  /** Ends the waits, with nothing; later pulls take nothing. Idempotent. */
  close(): Promise<void>
}

const idsPerPullMax = 1_000
const waitMsMax = 10_000

/** How long a lost notification can delay a hint. */
const pollMs = { listening: 3_000, otherwise: 250 }

/**
 * The queue as an unlogged table, for an installation without Redis. What is kept is in migrations/0005_queue_hints.sql.
 *
 * Its bound is loose: a process counts a route when it has pushed a tenth of the bound to it since it last did, so that
 * many processes together can exceed it by as many tenths.
 *
 * All calls throw StoreUnavailableError.
 */
export const createPostgresTaskQueue = (deps: Deps): PostgresTaskQueue => {
  const { pool, routes, listener, queueIdsMax = queueIdsMaxOfPort } = deps
  const taking = createTaking(deps)
  const trims = createTrims(Math.max(1, Math.floor(queueIdsMax / 10)))
  let state: 'open' | 'closed' = 'open'

  const take = async ({ routes: numbers, max }: NumberedPull): Promise<PulledHints> =>
    numbers.length === 0 || state === 'closed' ? { taskIds: [], left: 0 } : taking.take(numbers, max)

  const waiting = createWaitingPulls({
    take,
    pollMs: () => (listener.state() === 'listening' ? pollMs.listening : pollMs.otherwise),
  })
  const hear = ({ routes: heardOf, lowest }: News): void => {
    taking.heard(lowest)
    waiting.wake(heardOf)
  }
  const unsubscribe = listener.subscribe(channels.hints, {
    notified: (text) => hear(parseNews(text)),
    missed: () => hear({ routes: 'all', lowest: undefined }),
  })

  return {
    push: async (hints) => {
      if (hints.length === 0) return
      const numbered = await numberHints(routes, hints)
      const news = toNews(numbered)
      await pushHints(pool, numbered, news, { routes: trims.due(numbered), idsMax: queueIdsMax })
      if (listener.state() === 'listening') taking.heard(news.lowest)
      else hear(news)
    },

    pull: async (request) => {
      assertWithin('max', request.max, 1, idsPerPullMax)
      assertWithin('waitMs', request.waitMs, 0, waitMsMax)
      if (request.signal.aborted || state === 'closed') return { taskIds: [], left: 0 }
      const numbers = await numberAll(routes, request.routes)
      const pull: NumberedPull = { ...request, routes: [...numbers.values()] }
      const before = waiting.newsHeard()
      const found = await take(pull)
      if (found.taskIds.length > 0 || request.waitMs === 0 || request.signal.aborted || isClosed(state)) return found
      return waiting.wait(pull, found, before)
    },

    size: async (route, countMax = queueIdsMax) => {
      const number = (await routes.findNumbers([route])).get(routeKey(route))
      return number === undefined ? 0 : countHints(pool, number, countMax)
    },

    close: async () => {
      state = 'closed'
      unsubscribe()
      waiting.close()
      await taking.settle()
    },
  }
}

/** A state may have changed while one waited. */
const isClosed = (state: 'open' | 'closed'): boolean => state === 'closed'

const assertWithin = (name: string, value: number, least: number, most: number): void => {
  if (!(value >= least && value <= most)) throw new RangeError(`${name} must be ${least} to ${most}, not ${value}`)
}

/** Of many hints nearly all are for few routes, which are known; those that are not are learned together. */
const numberHints = async (routes: PostgresRoutes, hints: readonly Hint[]): Promise<readonly NumberedHint[]> => {
  await routes.learn(hints.map(({ route }) => route))
  const numbered: NumberedHint[] = []
  for (const { taskId, rank, route } of hints) {
    numbered.push({ taskId, rank, route: routes.knownNumberOf(route) ?? (await routes.numberOf(route)) })
  }
  return numbered
}

/** The numbers of routes by key, each route once; unknown ones are learned. */
const numberAll = async (routes: PostgresRoutes, wanted: readonly Route[]): Promise<ReadonlyMap<string, number>> => {
  const distinct = new Map(wanted.map((route) => [routeKey(route), route]))
  const numbers = new Map<string, number>()
  await routes.learn([...distinct.values()])
  for (const [key, route] of distinct) numbers.set(key, await routes.numberOf(route))
  return numbers
}

/** Says which routes are to be held to their bound: each after so many pushed ids. */
const createTrims = (everyIds: number) => {
  const pushed = new Map<number, number>()
  return {
    due: (hints: readonly { readonly route: number }[]): readonly number[] => {
      for (const { route } of hints) pushed.set(route, (pushed.get(route) ?? 0) + 1)
      const due = new Set(hints.map((hint) => hint.route).filter((route) => (pushed.get(route) ?? 0) >= everyIds))
      for (const route of due) pushed.delete(route)
      return [...due]
    },
  }
}
