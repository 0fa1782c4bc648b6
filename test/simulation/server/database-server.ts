import { createMemoryEventStore } from '#adapters/memory/events/event-store.ts'
import type { Append, AppendVerdict, EventStore } from '#application/ports/events/event-store.ts'
import type { StoreClock } from '#application/ports/surroundings/clock.ts'
import type { Locking } from '#adapters/postgres/group-commit/locking.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task/events.ts'
import type { Server } from '../world/network.ts'
import type { World } from '../world/world.ts'
import { createFailingDatabase, type FailingDatabase } from './failing-database.ts'
import { submitKeyIn } from '#adapters/memory/database.ts'

export interface Busy {
  readonly kind: 'busy'
}

export interface BatchAnswer {
  readonly recordedMs: number
  readonly verdicts: readonly (AppendVerdict | Busy)[]
}

/** The database of a course: transactions that take locks and time, a clock that steps, and a standby. */
export interface DatabaseServer extends Server {
  readonly store: EventStore
  readonly held: FailingDatabase
  readonly storeClock: StoreClock
  stepClock(byMs: number): void
  hasSteppedBack(): boolean
  /** One transaction of the group commit. Throws a ServerError, as Postgres would, for all of them. */
  appendBatch(batch: readonly Append[], locking: Locking): Promise<BatchAnswer>
  /** Called when events have become durable. */
  onCommit(listener: (taskId: TaskId, events: readonly RecordedEvent[], stream: readonly RecordedEvent[]) => void): void
  /** Fails over to the copy, if there is one. Answers the tasks of which something was lost. */
  promote(): ReadonlySet<TaskId>
}

/** An error of the server, with what tells it from others. */
class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly severity = 'ERROR'
  readonly code: string
  constructor(code: string) {
    super(`SQLSTATE ${code}`)
    this.code = code
  }
}

const startAt = 1_767_225_600_000
const lockTimeoutMs = 20
const slowDiskMs = 3_000
/** A result that only the server can refuse. */
export const refusedResult = 'refused-by-the-server'

export const createDatabaseServer = (world: World): DatabaseServer => {
  const { scheduler } = world
  let offsetMs = startAt
  let direction: 'ahead' | 'back' = 'ahead'
  const storeClock: StoreClock = { now: () => Math.floor(offsetMs + scheduler.nowMs()) }
  const held = createFailingDatabase(storeClock)
  const store = createMemoryEventStore(held.database)
  const locked = new Set<string>()
  const listeners: Parameters<DatabaseServer['onCommit']>[0][] = []

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => void scheduler.after(ms, undefined, 'disk', resolve))

  const findCommitMs = (): number => {
    if (!world.strikes('slow-disk', 0.1)) return 0
    world.met('slow-disk')
    return world.chance('slow-disk') ** 2 * slowDiskMs
  }

  const isHeldByOthers = (append: Append): boolean => {
    if (locked.has(append.taskId)) return true
    if (append.expectedVersion === 0 || !world.strikes('held-heads', 0.15)) return false
    world.met('held-heads')
    return true
  }

  /** What the whole statement fails by; nothing is stored then. */
  const findFault = (batch: readonly Append[], locking: Locking): ServerError | undefined => {
    for (const append of batch) {
      const head = held.database.heads.find(append.taskId)
      const length = held.database.streams.get(append.taskId)?.length ?? 0
      if (append.events.some(isRefused)) return new ServerError('22P02')
      if (locking === 'optimistic' && append.expectedVersion === 0 && length > 0) return new ServerError('23505')
      // A head that is unlike its stream lets events through whose versions exist.
      if (head?.version === append.expectedVersion && length > append.expectedVersion) return new ServerError('23505')
    }
    return undefined
  }

  const storeOne = async (append: Append): Promise<AppendVerdict> => {
    const verdict = await store.append(append)
    if (verdict.kind === 'appended') {
      const stream = held.database.streams.get(append.taskId) ?? []
      for (const listener of listeners) listener(append.taskId, stream.slice(append.expectedVersion), stream)
    }
    return verdict
  }

  const appendBatch: DatabaseServer['appendBatch'] = async (batch, locking) => {
    const keys = batch.flatMap(({ key }) => (key === undefined ? [] : [submitKeyIn(key)]))
    for (let turn = 0; keys.some((key) => locked.has(key)) && turn < 1_000; turn += 1) await wait(5)
    const busy = new Set(batch.filter(isHeldByOthers))
    if (busy.size > 0 && locking === 'optimistic') {
      await wait(lockTimeoutMs)
      throw new ServerError('55P03')
    }
    const free = batch.filter((append) => !busy.has(append))
    const fault = findFault(free, locking)
    if (fault !== undefined) throw fault
    const locks = [...free.map(({ taskId }) => taskId), ...keys]
    const commitMs = findCommitMs()
    const era = held.era()
    if (commitMs > 0) {
      for (const lock of locks) locked.add(lock)
      await wait(commitMs)
      for (const lock of locks) locked.delete(lock)
      if (era !== held.era()) throw new ServerError('57P01')
    }
    const recordedMs = storeClock.now()
    const verdicts: (AppendVerdict | Busy)[] = []
    for (const append of batch) verdicts.push(busy.has(append) ? { kind: 'busy' } : await storeOne(append))
    return { recordedMs, verdicts }
  }

  return {
    name: 'database',
    state: 'up',
    store,
    held,
    storeClock,
    hasSteppedBack: () => direction === 'back',
    stepClock: (byMs) => {
      if (byMs < 0) direction = 'back'
      offsetMs += byMs
    },
    appendBatch,
    onCommit: (listener) => void listeners.push(listener),
    promote: () => held.promote(),
  }
}

const isRefused = (event: Append['events'][number]): boolean =>
  event.type === 'Succeeded' && event.data.result.includes(refusedResult)
