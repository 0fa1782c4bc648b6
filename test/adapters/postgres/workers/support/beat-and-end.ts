import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { createPostgresWorkerRegistry } from '#adapters/postgres/workers/worker-registry.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { mintIncarnation } from '../../../../support/ids.ts'
import { silentLogger } from '../../../../support/silent-logger.ts'
import { toAddress } from '../../../../support/database-address.ts'

/** A worker process that registers, stops when told so, and has nothing else to live for. */
const [url = '', ending = ''] = process.argv.slice(2)
const pool = await createPostgresPool(toAddress(url), { connectionsMax: 2, queryDeadlineMs: 5_000 })
const registry = createPostgresWorkerRegistry({
  pool,
  address: toAddress(url),
  clock: systemClock,
  logger: silentLogger,
})
const incarnation = mintIncarnation()
const heartbeat = await registry.register({
  incarnation,
  host: 'here',
  pid: process.pid,
  queues: undefined,
  types: [],
  concurrency: 1,
  leaseMs: 15_000,
  beatMs: 50,
})
process.stdout.write(incarnation)
if (ending === 'stop') await heartbeat.stop()
await pool.end()
