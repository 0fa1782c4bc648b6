import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { namesMaxDefault, type RefusedName, type Routes } from '#application/ports/heads/routes.ts'
import { type Route, routeKey } from '#domain/route.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

/** The routes with the numbers that heads and hints hold in place of their two names. */
export interface PostgresRoutes extends Routes {
  /** The number of a route, which is stored if it is unknown, whatever the bound of names. Throws StoreUnavailableError. */
  numberOf(route: Route): Promise<number>

  /** The number of a route that this process has met lately; undefined otherwise. Does not ask the server. */
  knownNumberOf(route: Route): number | undefined

  /** The numbers of those routes that are stored, by `routeKey`. Stores none. Throws StoreUnavailableError. */
  findNumbers(routes: readonly Route[]): Promise<ReadonlyMap<string, number>>

  /** The routes of those numbers that are stored. Throws StoreUnavailableError. */
  findRoutes(numbers: readonly number[]): Promise<ReadonlyMap<number, Route>>

  /** Takes in numbers that were read beside other rows. */
  note(rows: readonly NumberedRoute[]): void

  /**
   * Forgets what this process has met: the database may have lost it, and given its numbers to others. A number that was
   * learned in an earlier era, as `era` counts them, must be asked for again.
   */
  forgetAll(): void
  era(): number
}

interface Deps {
  readonly pool: DatabasePool
  /** How many names of queues and of types there may be together. */
  readonly namesMax?: number | undefined
  readonly monotonicMs?: (() => number) | undefined
}

const routeRow = z.object({ id: z.int(), queue: z.string(), type: z.string() })
export type NumberedRoute = z.output<typeof routeRow>

const learnedRow = z.object({
  id: z.int().nullable(),
  queue: z.string(),
  type: z.string(),
  refused: z.enum(['queue', 'type']).nullable(),
})

/**
 * Keeps the routes that it has met, by names and by number, so that a known one costs no round trip. Numbers never change,
 * but a route that nobody has used for a day is forgotten: so what this process knows is learned again every half hour, and
 * with that counts as used. (forget_routes.sql relies on it.)
 */
export const createPostgresRoutes = (deps: Deps): PostgresRoutes => {
  const { pool, namesMax = namesMaxDefault, monotonicMs = () => performance.now() } = deps
  const known = createKnownRoutes(monotonicMs)
  let era = 0
  const store = async (unknown: readonly Route[], most: number | null): Promise<readonly RefusedName[]> => {
    const rows = await withReadDeadline(pool.any(learnStatement(unknown, most)))
    known.add(rows.flatMap(({ id, queue, type }) => (id === null ? [] : [{ id, queue, type }])))
    return rows.flatMap(({ queue, type, refused }) =>
      refused === null ? [] : [{ kind: refused, name: refused === 'queue' ? queue : type }],
    )
  }
  const learnTogether = createTogether((unknown) => store(unknown, namesMax))

  const findRoutes = async (numbers: readonly number[]): Promise<ReadonlyMap<number, Route>> => {
    const missing = [...new Set(numbers)].filter((number) => known.routeOf(number) === undefined)
    const found = new Map<number, Route>()
    if (missing.length > 0) {
      const rows = await withReadDeadline(pool.any(namesStatement(missing)))
      known.add(rows)
      for (const { id, queue, type } of rows) found.set(id, { queue, type })
    }
    for (const number of numbers) {
      const route = found.get(number) ?? known.routeOf(number)
      if (route !== undefined) found.set(number, route)
    }
    return found
  }

  return {
    learn: (wanted) => {
      known.forgetOld()
      const unknown = wanted.filter((route) => known.numberOf(route) === undefined)
      return unknown.length === 0 ? nothingRefused : learnTogether(unknown)
    },
    knownNumberOf: (route) => known.numberOf(route),
    numberOf: async (route) => {
      if (known.numberOf(route) === undefined) await store([route], null)
      const number = known.numberOf(route)
      if (number === undefined) throw new Error(`route ${routeKey(route)} was stored and is not there`)
      return number
    },
    findNumbers: async (wanted) => {
      const found = new Map<string, number>()
      const missing = wanted.filter((route) => known.numberOf(route) === undefined)
      const rows = missing.length === 0 ? [] : await withReadDeadline(pool.any(numbersStatement(missing)))
      known.add(rows)
      for (const { id, queue, type } of rows) found.set(routeKey({ queue, type }), id)
      for (const route of wanted) {
        const number = known.numberOf(route)
        if (number !== undefined) found.set(routeKey(route), number)
      }
      return found
    },
    findRoutes,
    note: known.add,
    forgetAll: () => {
      known.forgetAll()
      era += 1
    },
    era: () => era,
  }
}

const nothingRefused: Promise<readonly RefusedName[]> = Promise.resolve([])

interface KnownRoutes {
  add(this: void, rows: readonly NumberedRoute[]): void
  numberOf(route: Route): number | undefined
  routeOf(number: number): Route | undefined
  forgetAll(this: void): void
  /** Forgets all once the first of them was met half an hour ago. */
  forgetOld(): void
}

const knownForMs = 1_800_000
/** More are forgotten all together, and met again. */
const knownMax = 100_000

/** A map in a map rather than one text made of both names: each append and each hint of every task is looked up here. */
const createKnownRoutes = (monotonicMs: () => number): KnownRoutes => {
  const numbers = new Map<string, Map<string, number>>()
  const routes = new Map<number, Route>()
  let sinceMs = monotonicMs()

  const forgetAll = (): void => {
    numbers.clear()
    routes.clear()
    sinceMs = monotonicMs()
  }

  return {
    add: (rows) => {
      if (routes.size + rows.length > knownMax) forgetAll()
      for (const { id, queue, type } of rows) {
        const ofQueue = numbers.get(queue) ?? new Map<string, number>()
        numbers.set(queue, ofQueue.set(type, id))
        routes.set(id, { queue, type })
      }
    },
    numberOf: ({ queue, type }) => numbers.get(queue)?.get(type),
    routeOf: (number) => routes.get(number),
    forgetAll,
    forgetOld: () => {
      if (monotonicMs() - sinceMs > knownForMs) forgetAll()
    },
  }
}

/** So many routes are written by one statement; the others wait for the next one. */
const routesPerWriteMax = 1_000

/**
 * One write at a time: what is asked for meanwhile goes together into the next one. So callers that name new queues at a high
 * rate take one connection of the pool, not all.
 */
const createTogether = (
  write: (routes: readonly Route[]) => Promise<readonly RefusedName[]>,
): ((routes: readonly Route[]) => Promise<readonly RefusedName[]>) => {
  let waiting: Waiting[] = []
  let state: 'idle' | 'writing' = 'idle'

  const writeAll = async (): Promise<void> => {
    state = 'writing'
    while (waiting.length > 0) {
      const { batch, rest } = divide(waiting)
      waiting = rest
      const routes = new Map(batch.flatMap((caller) => caller.routes.map((route) => [routeKey(route), route])))
      await write([...routes.values()]).then(
        (refused) => batch.forEach((caller) => caller.outcome.resolve(refused)),
        (error: unknown) => batch.forEach((caller) => caller.outcome.reject(error)),
      )
    }
    state = 'idle'
  }

  return (routes) => {
    const outcome = Promise.withResolvers<readonly RefusedName[]>()
    waiting.push({ routes, outcome })
    if (state === 'idle') void writeAll()
    return outcome.promise
  }
}

interface Waiting {
  readonly routes: readonly Route[]
  readonly outcome: PromiseWithResolvers<readonly RefusedName[]>
}

/** The first callers, as many as fit into one write, and at least one. */
const divide = (waiting: readonly Waiting[]): { readonly batch: readonly Waiting[]; readonly rest: Waiting[] } => {
  let count = 0
  const fit = waiting.findIndex(({ routes }, place) => (count += routes.length) > routesPerWriteMax && place > 0)
  const end = fit < 0 ? waiting.length : fit
  return { batch: waiting.slice(0, end), rest: waiting.slice(end) }
}

const textsOf = (texts: readonly string[]) => sql.array([...texts], 'text')

const given = (routes: readonly Route[]) => sql.fragment`
  unnest(${textsOf(routes.map(({ queue }) => queue))}, ${textsOf(routes.map(({ type }) => type))}) g (queue, type)`

/** Sorted, so that two processes that learn the same routes never wait for each other in a circle. */
const learnStatement = (unknown: readonly Route[], namesMax: number | null) => {
  const sorted = unknown.toSorted((a, b) => (routeKey(a) < routeKey(b) ? -1 : 1))
  return sql.type(learnedRow)`
    select id, queue, type, refused
    from taskfold.learn_routes(
      ${textsOf(sorted.map(({ queue }) => queue))},
      ${textsOf(sorted.map(({ type }) => type))},
      ${namesMax}::int)`
}

const numbersStatement = (wanted: readonly Route[]) => sql.type(routeRow)`
  select r.id, r.queue, r.type
  from ${given(wanted)}
  join taskfold.routes r using (queue, type)`

const namesStatement = (numbers: readonly number[]) => sql.type(routeRow)`
  select id, queue, type
  from taskfold.routes
  where id = any (${sql.array([...numbers], 'int4')})`
