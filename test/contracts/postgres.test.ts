import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'slonik'
import { z } from 'zod'
import { createPostgresUnusedRoutes } from '#adapters/postgres/heads/unused-routes.ts'
import { createPostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { damageStream } from '../support/damage-stream.ts'
import { openPostgresStore } from '../support/postgres-store.ts'
import { describeEventFeed } from './event-feed.ts'
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
    damage: (taskId: TaskId) => damageStream(world.pool, taskId),
  }
}

describeEventFeed('Postgres', setup)
describeIdempotencyLedger('Postgres', setup)
describeProgressBoard('Postgres', setup)
describeTaskIndex('Postgres', setup)
describeRunnableIndex('Postgres', setup)
describeRunIndex('Postgres', setup)
describeRoutes('Postgres', setup)
describeSubmitKeys('Postgres', setup)
