import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'slonik'
import { z } from 'zod'
import { createPostgresUnusedRoutes } from '#adapters/postgres/heads/unused-routes.ts'
import { createPostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { mintAppendId } from '../support/ids.ts'
import { openPostgresStore } from '../support/postgres-store.ts'
import { describeEventFeed } from './event-feed.ts'
import { describeEventStore } from './event-store.ts'
import { describeIdempotencyLedger } from './idempotency-ledger.ts'
import { describeProgressBoard } from './progress-board.ts'
import { describeRoutes } from './routes.ts'
import { describeRunIndex } from './run-index.ts'
import { describeRunnableIndex } from './runnable-index.ts'
import { describeSubmitKeys } from './submit-keys.ts'
import { describeTaskIndex } from './task-index.ts'

const setup = async () => {
  const world = await openPostgresStore()
  return {
    ...world,
    openRoutes: (namesMax?: number) => createPostgresRoutes({ pool: world.pool, namesMax }),
    unused: createPostgresUnusedRoutes({ pool: world.pool }),
    countNames: () =>
      world.pool.oneFirst(sql.type(z.object({ count: z.int() }))`select count(*) as count from taskfold.names`),
    advance: (ms: number) => sleep(ms),
    /** Appends an event of a kind that only a later release knows. */
    damage: async (taskId: TaskId) => {
      await world.pool.query(sql.unsafe`
        insert into taskfold.events (task_id, version, append_id, recorded_at, xid, type, data)
        select ${taskId}::uuid, max(version) + 1, ${mintAppendId()}::uuid, max(recorded_at), pg_current_xact_id(), 'Paused', '{}'
        from taskfold.events
        where task_id = ${taskId}::uuid`)
    },
  }
}

describeEventStore('Postgres', setup)
describeEventFeed('Postgres', setup)
describeIdempotencyLedger('Postgres', setup)
describeProgressBoard('Postgres', setup)
describeTaskIndex('Postgres', setup)
describeRunnableIndex('Postgres', setup)
describeRunIndex('Postgres', setup)
describeRoutes('Postgres', setup)
describeSubmitKeys('Postgres', setup)
