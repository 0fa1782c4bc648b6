import { silentLogger } from '../support/silent-logger.ts'
import { createTestDatabase } from '../support/test-database.ts'
import { migrate } from '#adapters/postgres/server/migrate.ts'
import { createPostgresPool } from '#adapters/postgres/pool.ts'
import { createPostgresRoutes } from '#adapters/postgres/routes.ts'
import { describeRoutes } from './routes.ts'
import { setTimeout as sleep } from 'node:timers/promises'

const setup = async () => {
  const database = await createTestDatabase()
  await migrate({ url: database.url, logger: silentLogger })
  const pool = await createPostgresPool(database.url, { connectionsMax: 6, queryDeadlineMs: 5000 })
  return {
    routes: createPostgresRoutes({ pool }),
    routesElsewhere: createPostgresRoutes({ pool }),
    advance: (ms: number) => sleep(ms),
    close: async () => {
      await pool.end()
      await database.close()
    },
  }
}
describeRoutes('Postgres', setup)
