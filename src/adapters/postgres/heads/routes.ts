import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Routes } from '#application/ports/heads/routes.ts'
import { type Route, routeKey } from '#domain/route.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/** The routes with the numbers that heads and hints hold in place of their two names. */
export interface PostgresRoutes extends Routes {
  /** The number of a route, which is learned if it is unknown. Throws StoreUnavailableError. */
  numberOf(route: Route): Promise<number>

  /** The number of a route that this process has met; undefined otherwise. Does not ask the server. */
  knownNumberOf(route: Route): number | undefined

  /** The numbers of those routes that any process has learned, by `routeKey`. Learns none. Throws StoreUnavailableError. */
  findNumbers(routes: readonly Route[]): Promise<ReadonlyMap<string, number>>

  /** The route of a number, or undefined when there is none. Throws StoreUnavailableError. */
  findRoute(number: number): Promise<Route | undefined>
}

const routeRow = z.object({ id: z.int(), queue: z.string(), type: z.string() })
const learnedRow = routeRow.extend({ made: z.boolean() })

/**
 * Keeps every route that it has met, by names and by number: routes are few, and neither names nor numbers ever change. A
 * known one costs no round trip.
 */
export const createPostgresRoutes = ({ pool }: { readonly pool: DatabasePool }): PostgresRoutes => {
  const known = createKnownRoutes()

  const readAll = async (): Promise<readonly Route[]> => {
    const rows = await withReadDeadline(
      pool.any(sql.type(routeRow)`select id, queue, type from taskfold.routes order by id`),
    )
    known.add(rows)
    return rows.map(({ queue, type }) => ({ queue, type }))
  }

  /** One statement. A second one where another process wrote the same route at the same moment: the snapshot hides its row. */
  const write = async (unknown: readonly Route[]): Promise<readonly Route[]> => {
    const rows = await withReadDeadline(pool.any(learnStatement(unknown)))
    known.add(rows)
    if (unknown.some((route) => known.numberOf(route) === undefined)) await readAll()
    return rows.filter(({ made }) => made).map(({ queue, type }) => ({ queue, type }))
  }
  const writeOnce = createOnceAtATime(write)
  const learn = (wanted: readonly Route[]): Promise<readonly Route[]> => {
    const unknown = wanted.filter((route) => known.numberOf(route) === undefined)
    return unknown.length === 0 ? nothingLearned : writeOnce(unknown)
  }

  return {
    learn,
    readAll,
    knownNumberOf: (route) => known.numberOf(route),
    numberOf: async (route) => {
      if (known.numberOf(route) === undefined) await learn([route])
      const number = known.numberOf(route)
      if (number === undefined) throw new Error(`route ${routeKey(route)} was learned and is not there`)
      return number
    },
    findNumbers: async (wanted) => {
      if (wanted.some((route) => known.numberOf(route) === undefined)) await readAll()
      const found = new Map<string, number>()
      for (const route of wanted) {
        const number = known.numberOf(route)
        if (number !== undefined) found.set(routeKey(route), number)
      }
      return found
    },
    findRoute: async (number) => {
      if (known.routeOf(number) === undefined) await readAll()
      return known.routeOf(number)
    },
  }
}

const nothingLearned: Promise<readonly Route[]> = Promise.resolve([])

interface KnownRoutes {
  add(rows: readonly z.output<typeof routeRow>[]): void
  numberOf(route: Route): number | undefined
  routeOf(number: number): Route | undefined
}

/** A map in a map rather than one text made of both names: each append and each hint of every task is looked up here. */
const createKnownRoutes = (): KnownRoutes => {
  const numbers = new Map<string, Map<string, number>>()
  const routes = new Map<number, Route>()
  return {
    add: (rows) => {
      for (const { id, queue, type } of rows) {
        const ofQueue = numbers.get(queue) ?? new Map<string, number>()
        numbers.set(queue, ofQueue.set(type, id))
        routes.set(id, { queue, type })
      }
    },
    numberOf: ({ queue, type }) => numbers.get(queue)?.get(type),
    routeOf: (number) => routes.get(number),
  }
}

/**
 * Writes each route once, however many callers meet it while it is being written. All of them wait for the write; only the
 * caller that began it is answered what was learned.
 */
const createOnceAtATime = (
  write: (routes: readonly Route[]) => Promise<readonly Route[]>,
): ((routes: readonly Route[]) => Promise<readonly Route[]>) => {
  const underWay = new Map<string, Promise<unknown>>()
  return async (routes) => {
    const own = new Map<string, Route>()
    const awaited = new Set<Promise<unknown>>()
    for (const route of routes) {
      const writing = underWay.get(routeKey(route))
      if (writing === undefined) own.set(routeKey(route), route)
      else awaited.add(writing)
    }
    const writing = own.size === 0 ? undefined : write([...own.values()])
    if (writing !== undefined) {
      const written = writing.finally(() => {
        for (const key of own.keys()) underWay.delete(key)
      })
      for (const key of own.keys()) underWay.set(key, written)
      awaited.add(written)
    }
    await Promise.all(awaited)
    return (await writing) ?? []
  }
}

/** Sorted, so that two processes that learn the same routes never wait for each other in a circle. */
const learnStatement = (unknown: readonly Route[]) => {
  const queues = sql.array(
    unknown.map((route) => route.queue),
    'text',
  )
  const types = sql.array(
    unknown.map((route) => route.type),
    'text',
  )
  return sql.type(learnedRow)`
    with given as (
      select g.queue, g.type
      from unnest(${queues}, ${types}) as g (queue, type)
    ), known as (
      select r.id, r.queue, r.type
      from taskfold.routes r
      join given using (queue, type)
    ), made as (
      insert into taskfold.routes (queue, type)
      select queue, type
      from given
      where not exists (select from known k where k.queue = given.queue and k.type = given.type)
      order by queue, type
      on conflict do nothing
      returning id, queue, type
    )
    select id, queue, type, false as made from known
    union all
    select id, queue, type, true as made from made`
}
