import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { rebuildHeads } from '#adapters/postgres/heads/rebuild.ts'
import { toHead } from '#domain/task/head.ts'
import type { Task } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../../support/heads.ts'
import { mintAppendId, mintTaskId } from '../../../support/ids.ts'
import { openPostgresStore, type PostgresStoreWorld } from '../../../support/postgres-store.ts'
import { fail, start, succeed } from '../../../support/run-commands.ts'
import { appendCommand, makeSubmission, range, submitMany, submitTo } from '../../../support/task-builders.ts'

let world: PostgresStoreWorld
let tasks: readonly Task[]
const logger = createMemoryLogger()

const rebuild = () => rebuildHeads({ ...world, logger })
const taskIds = () => tasks.map((task) => task.taskId)

beforeAll(async () => {
  world = await openPostgresStore()
  const pending = await submitMany(world, 900, makeSubmission({ priority: 7 }))
  const running = await Promise.all(pending.slice(0, 600).map((task) => appendCommand(world.store, task, start(task))))
  await Promise.all(running.slice(0, 200).map((task) => appendCommand(world.store, task, succeed(task))))
  await Promise.all(running.slice(200, 400).map((task) => appendCommand(world.store, task, fail(task))))
  tasks = pending
})
afterAll(async () => {
  await world.close()
})

describe('a rebuild of the heads', () => {
  it('changes nothing where all are right', async () => {
    expect(await rebuild()).toEqual({ streams: 900, repaired: 0, removed: 0, unreadable: 0 })
  })

  it.each([
    ['a status', sql.fragment`status = 'CANCELLED', ready_at = null, incarnation = null, run = null`],
    ['a version', sql.fragment`version = version + 1`],
    ['a ready instant', sql.fragment`ready_at = ready_at - interval '1 hour'`],
    ['a priority', sql.fragment`priority = -priority`],
    ['an incarnation', sql.fragment`incarnation = gen_random_uuid()`],
  ])('repairs those in which %s went wrong', async (_, damage) => {
    const { rowCount } = await world.pool.query(
      sql.unsafe`update taskfold.tasks set ${damage} where ready_at is not null`,
    )
    expect(rowCount).toBe(500)
    expect(await rebuild()).toEqual({ streams: 900, repaired: 500, removed: 0, unreadable: 0 })
    await expectHeadsToEqualFolds(world, taskIds())
  })

  it('brings back all of them when the table was emptied', async () => {
    await world.pool.query(sql.unsafe`truncate taskfold.tasks`)
    expect(await rebuild()).toEqual({ streams: 900, repaired: 900, removed: 0, unreadable: 0 })
    await expectHeadsToEqualFolds(world, taskIds())
  })

  it('removes those of streams that do not exist, among the others and behind them', async () => {
    const orphans = [...range(3).map(() => mintTaskId()), mintTaskId()]
    const model = tasks[0]?.taskId ?? mintTaskId()
    const early = '00000000-0000-7000-8000-000000000001'
    for (const orphan of [...orphans, early]) {
      await world.pool.query(sql.unsafe`
        insert into taskfold.tasks (task_id, ready_at, last_at, incarnation, version, run, route, attempt, priority, status)
        select ${orphan}::uuid, ready_at, last_at, incarnation, version, run, route, attempt, priority, status
        from taskfold.tasks
        where task_id = ${model}::uuid`)
    }
    expect(await rebuild()).toEqual({ streams: 900, repaired: 0, removed: 5, unreadable: 0 })
    expect((await world.index.findHeads(orphans)).size).toBe(0)
    await expectHeadsToEqualFolds(world, taskIds())
  })

  it('leaves the head of a stream alone that it cannot read, and says so', async () => {
    const task = await submitTo(world)
    await world.pool.query(sql.unsafe`
      insert into taskfold.events (task_id, version, append_id, recorded_at, xid, type, data)
      values (${task.taskId}::uuid, 2, ${mintAppendId()}::uuid, now(), pg_current_xact_id(), 'Paused', '{}')`)
    expect(await rebuild()).toEqual({ streams: 901, repaired: 0, removed: 0, unreadable: 1 })
    expect((await world.index.findHeads([task.taskId])).get(task.taskId)).toEqual(toHead(task))
    expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { taskId: task.taskId } })
  })
})
