import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type {
  SilentWorker,
  WorkerDescription,
  WorkerRegistry,
  WorkerRow,
} from '#application/ports/workers/worker-registry.ts'
import { type Incarnation, parseIncarnation } from '#domain/identifiers.ts'
import { startHeartbeat } from './heartbeat.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'

interface Deps {
  readonly pool: DatabasePool
  /** Of the same database, for the connections of the heartbeat threads. */
  readonly address: DatabaseAddress
  /** Must be the operating system's, `process.hrtime`: the heartbeat threads read the same clock. */
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The workers as rows of `taskfold.workers`. Each incarnation beats from a thread and by a connection of its own; see
 * heartbeat.ts.
 */
export const createPostgresWorkerRegistry = ({ pool, address, clock, logger }: Deps): WorkerRegistry => {
  const end = async (incarnation: Incarnation, how?: 'fenced'): Promise<void> => {
    await withReadDeadline(pool.query(endStatement(incarnation, how)))
  }
  /** By the incarnation whose heartbeat found them. */
  const silentBy = new Map<Incarnation, readonly SilentWorker[]>()

  return {
    register: async (worker) => {
      const acknowledgedSentAtMs = clock.monotonicMs()
      const inserted = await withReadDeadline(pool.any(insertStatement(worker)))
      if (inserted.length === 0) throw new Error(`${worker.incarnation} was registered before`)
      return startHeartbeat(worker, {
        address,
        clock,
        logger,
        acknowledgedSentAtMs,
        onSilent: (silent) => {
          if (silent.length === 0) silentBy.delete(worker.incarnation)
          else silentBy.set(worker.incarnation, silent)
        },
        end: (how) => end(worker.incarnation, how),
      })
    },
    readAll: async () => (await withReadDeadline(pool.any(readStatement))).map(toWorkerRow),
    findSilent: () => [...silentBy.values()].flat(),
    end,
    remove: async (incarnations) => {
      if (incarnations.length > 0) await withReadDeadline(pool.query(removeStatement(incarnations)))
    },
  }
}

const insertStatement = (worker: WorkerDescription) => sql.type(z.object({ incarnation: z.string() }))`
  insert into taskfold.workers (incarnation, host, pid, queues, types, concurrency, lease_ms)
  values (
    ${worker.incarnation}::uuid,
    ${worker.host},
    ${worker.pid},
    ${worker.queues === undefined ? null : sql.array([...worker.queues], 'text')},
    ${sql.array([...worker.types], 'text')},
    ${worker.concurrency},
    ${worker.leaseMs}
  )
  on conflict do nothing
  returning incarnation`

const endStatement = (incarnation: Incarnation, how: 'fenced' | undefined) => sql.type(z.unknown())`
  update taskfold.workers
  set state = 'ended', fenced = fenced or ${how === 'fenced'}::boolean
  where incarnation = ${incarnation}::uuid
  and (state <> 'ended' or (${how === 'fenced'}::boolean and not fenced))`

const removeStatement = (incarnations: readonly Incarnation[]) => sql.type(z.unknown())`
  delete from taskfold.workers
  where incarnation = any (${sql.array([...incarnations], 'uuid')})`

const storedRow = z.object({
  incarnation: z.string(),
  host: z.string(),
  pid: z.int(),
  queues: z.array(z.string()).nullable(),
  types: z.array(z.string()),
  concurrency: z.int(),
  leaseMs: z.int(),
  beat: z.int(),
  running: z.int(),
  state: z.enum(['live', 'draining', 'ended']),
  fenced: z.boolean(),
  startedAt: z.number(),
  lastBeatAt: z.number(),
  silentForMs: z.number(),
  clockAheadMs: z.number().nullable(),
})

const readStatement = sql.type(storedRow)`
  select
    incarnation,
    host,
    pid,
    queues,
    types,
    concurrency,
    lease_ms as "leaseMs",
    beat,
    running,
    state,
    fenced,
    floor(extract(epoch from started_at) * 1000)::int8 as "startedAt",
    floor(extract(epoch from last_beat_at) * 1000)::int8 as "lastBeatAt",
    greatest(0, extract(epoch from clock_timestamp() - last_beat_at) * 1000)::float8 as "silentForMs",
    clock_ahead_ms as "clockAheadMs"
  from taskfold.workers
  order by incarnation`

const toWorkerRow = ({ incarnation, queues, fenced, clockAheadMs, ...row }: z.output<typeof storedRow>): WorkerRow => ({
  ...row,
  incarnation: parseIncarnation(incarnation),
  queues: queues ?? undefined,
  ended: fenced ? 'fenced' : undefined,
  clockAheadMs: clockAheadMs ?? undefined,
})
