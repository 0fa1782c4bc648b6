import type { DatabasePool } from 'slonik'
import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import {
  type Append,
  type AppendAllVerdict,
  type AppendVerdict,
  type EventStore,
  StoreUnavailableError,
  streamsPerCallMax,
} from '#application/ports/events/event-store.ts'
import { createAppendConnect, createAtomicConnect, type EncodedAppends } from './append-flushes.ts'
import { type EncodedAppend, encodeAppend } from './append-statement.ts'
import { createGroupCommit, type GroupCommitLimits, groupCommitLimits } from '../group-commit/group-commit.ts'
import { createPartitionGuard, type PartitionGuard } from './partitions.ts'
import type { PostgresRoutes } from '../heads/routes.ts'
import type { EstimatedStoreClock } from './store-clock.ts'
import { loadStreams } from './stream-loader.ts'

export interface PostgresEventStore extends EventStore {
  /** Refuses new appends and resolves when those accepted have their verdicts. The pool stays open. */
  close(): Promise<void>
  /** Forgets which partitions there are: the database may have lost some. */
  forgetAll(): void
}

interface Deps {
  readonly pool: DatabasePool
  /** For appends; `pool` unless given. With a pool of their own only its few server processes keep the plan of an append. */
  readonly appendPool?: DatabasePool
  readonly routes: PostgresRoutes
  /** Kept exact by the answers of the server. */
  readonly storeClock: EstimatedStoreClock
  readonly clock: Clock
  readonly timers: Timers
  readonly limits?: Partial<GroupCommitLimits>
  readonly commits?: CommitObserver | undefined
}

/** Appends that belong together are rare: one call of them at a time, and a short queue. */
const atomicLimits = { flushesInFlightMax: 1, appendsPerFlushMax: 1, appendsWaitingMax: 100 }

/**
 * The event store in Postgres. Concurrent appends travel together in one transaction, which their verdicts do not show.
 *
 * An append that Postgres could not store is refused before it joins others, and so is, with StoreUnavailableError, one that
 * begins a stream outside the partitions. One that only the server can judge costs the others in its batch a second try and
 * nothing more.
 */
export const createPostgresEventStore = (deps: Deps): PostgresEventStore => {
  const { pool, appendPool = pool, routes, storeClock, clock, timers, commits } = deps
  const monotonicMs = (): number => clock.monotonicMs()
  const limits = { ...groupCommitLimits, ...deps.limits }
  const appending = { pool: appendPool, routes, storeClock, monotonicMs, commits }
  const loading = { pool, storeClock, monotonicMs }
  const single = createGroupCommit<EncodedAppend, AppendVerdict>(
    createAppendConnect(appending),
    { clock, timers },
    limits,
  )
  const atomic = createGroupCommit<EncodedAppends, AppendAllVerdict>(
    createAtomicConnect(appending),
    { clock, timers },
    { ...limits, ...atomicLimits },
  )
  const guard = createPartitionGuard({ pool, monotonicMs })

  const { encodeAtOnce, encodeAfterAsking } = createEncoder(routes, guard)
  const encode = async (append: Append): Promise<EncodedAppend> => encodeAtOnce(append) ?? encodeAfterAsking(append)

  return {
    // Not async: every append of every task passes here, and a promise around a promise costs several microtasks.
    append: (append) => {
      try {
        const encoded = encodeAtOnce(append)
        return encoded === undefined
          ? encodeAfterAsking(append).then((asked) => single.append(asked))
          : single.append(encoded)
      } catch (error) {
        return Promise.reject(error)
      }
    },

    appendAll: async (appends) => {
      assertCount(appends.length)
      if (new Set(appends.map((append) => append.taskId)).size < appends.length) {
        throw new RangeError('one append a stream')
      }
      const encoded = await Promise.all(appends.map(encode))
      const bytes = encoded.reduce((sum, member) => sum + member.bytes, 0)
      return atomic.append({ streamId: encoded[0]?.streamId ?? '', bytes, appends: encoded })
    },

    loadStream: async (taskId) => {
      const { now, streams } = await loadStreams(loading, [taskId])
      const content = streams.get(taskId)
      if (content?.kind === 'undecodable') throw content.error
      return { now, events: content?.events ?? [] }
    },

    loadStreams: (taskIds) => loadStreams(loading, taskIds),

    loadOutlines: (taskIds) => loadStreams(loading, taskIds, 'outline'),

    forgetAll: guard.forgetAll,

    close: async () => {
      await Promise.all([single.close(), atomic.close()])
    },
  }
}

interface Encoder {
  /** Undefined where the server must be asked first: for a partition or a route that this process has not met. */
  encodeAtOnce(this: void, append: Append): EncodedAppend | undefined
  encodeAfterAsking(this: void, append: Append): Promise<EncodedAppend>
}

const createEncoder = (routes: PostgresRoutes, guard: PartitionGuard): Encoder => ({
  encodeAtOnce: (append) => {
    assertAppend(append)
    if (append.expectedVersion > 0) return encodeAppend(append, null)
    if (!guard.knowsPlaceFor(append.taskId)) return undefined
    const route = routes.knownNumberOf(append.head)
    return route === undefined ? undefined : encodeAppend(append, route, routes.era())
  },

  encodeAfterAsking: async (append) => {
    if (!(await guard.hasPlaceFor(append.taskId))) throw toOutsideError(append)
    const era = routes.era()
    return encodeAppend(append, await routes.numberOf(append.head), era)
  },
})

/** Ids are minted by the database's clock: it has leaped, and partitions follow within 70 seconds (see Partitions). */
const toOutsideError = ({ taskId }: Append): StoreUnavailableError =>
  new StoreUnavailableError(`task id ${taskId} lies outside the partitions of events`, 'not-stored')

const assertCount = (count: number): void => {
  if (count < 1 || count > streamsPerCallMax) {
    throw new RangeError(`a call names 1 to ${streamsPerCallMax} streams, not ${count}`)
  }
}

const assertAppend = (append: Append): void => {
  if (append.events.length === 0) throw new RangeError('an append without events')
  if (append.head.version !== append.expectedVersion + append.events.length) {
    throw new RangeError('the head of an append stands at another version than its last event')
  }
  if (append.key !== undefined && append.expectedVersion > 0) throw new RangeError('a key of a stream that has begun')
}
