import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPostgresTaskProbe } from '#adapters/postgres/doctor/task-probe.ts'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { sql, type DatabasePool } from 'slonik'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/test-database.ts'
import { toAddress } from '../../../support/database-address.ts'

const headsInAll = 2_000
const idsMax = 100

let database: TestDatabase
let pool: DatabasePool
beforeAll(async () => {
  database = await createTestDatabase()
  await migrate({ address: toAddress(database.url), logger: silentLogger })
  pool = await createPostgresPool(toAddress(database.url), { connectionsMax: 2, queryDeadlineMs: 10_000 })
  await pool.query(sql.unsafe`insert into taskfold.routes (queue, type) values ('a', 'b'), ('a', 'c')`)
  // A task a minute, every second of them ended; those of route 2 are due in an hour.
  await pool.query(sql.unsafe`
    insert into taskfold.tasks (task_id, ready_at, last_at, version, route, attempt, priority, status)
    select taskfold.lowest_task_id(now() - n * interval '1 minute'),
           case when n % 2 = 0 then now() + case n % 4 when 0 then - n * interval '1 s' else interval '1 h' end end,
           now(), 1, 1 + (n / 2) % 2, 0, n % 201 - 100, case n % 2 when 0 then 'PENDING' else 'SUCCESS' end
    from generate_series(1, ${headsInAll}::int) n`)
})
afterAll(async () => {
  await pool.end()
  await database.close()
})

describe('the probe of tasks', () => {
  test('samples as many as asked for, from where it is told to look', async () => {
    const probe = createPostgresTaskProbe({ pool })
    const early = await probe.sampleTaskIds([0], idsMax)
    const late = await probe.sampleTaskIds([0.9], idsMax)
    const spread = await probe.sampleTaskIds([0, 0.25, 0.5, 0.75], idsMax)

    expect(early).toHaveLength(idsMax / 2)
    expect(late).toHaveLength(idsMax / 2)
    expect(early.toSorted().at(-1)).toSatisfy((last: string) => last < (late.toSorted()[0] ?? ''))
    expect(new Set(spread).size).toBe(4 * Math.floor(idsMax / 8))
  })

  test('takes all when there are no more', async () => {
    expect(new Set(await createPostgresTaskProbe({ pool }).sampleTaskIds([0.5], headsInAll)).size).toBe(headsInAll)
  })

  test('tells of what is due, by route, the oldest of any priority', async () => {
    const backlog = await createPostgresTaskProbe({ pool }).listBacklog()

    expect(backlog).toEqual([{ route: { queue: 'a', type: 'b' }, oldestReadyAgeMs: expect.any(Number) }])
    expect(Math.floor((backlog[0]?.oldestReadyAgeMs ?? 0) / 1_000)).toBeGreaterThanOrEqual(headsInAll)
  })
})
