import { sql } from 'slonik'
import { describe, expect, it } from 'vitest'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { createHeadRepair } from '#application/recovery/head-repair.ts'
import { expectHeadsToEqualFolds } from '../../../support/heads.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { connectPostgresStore, openPostgresStore } from '../../../support/postgres-store.ts'
import { submitTo } from '../../../support/task-builders.ts'

describe('a head whose route a failover has lost', () => {
  it('does not spoil the list of tasks, is found, and is repaired from its Submitted', async () => {
    const world = await openPostgresStore()
    const task = await submitTo(world)
    const { queue, type } = task.facts.submission
    await world.pool.query(sql.unsafe`delete from taskfold.routes where queue = ${queue}`)
    const other = await connectPostgresStore(world.url)
    expect((await other.index.listHeads({ limit: 10 })).map(({ taskId }) => taskId)).toEqual([task.taskId])
    const page = await other.runnable.readRoutes(undefined, 100)
    expect(page).toMatchObject({ routes: [], unnamed: [task.taskId] })

    const memory = createMemoryWorld()
    const announcer = createReadyAnnouncer({ ...memory, horizonMs: 1_000 })
    const { store, index } = other
    const repair = createHeadRepair({ store, index, announcer, runtime: memory.runtime })
    for (const taskId of page.unnamed) repair.suspect(taskId)
    await expect
      .poll(async () => (await other.runnable.readRoutes(undefined, 100)).routes, { timeout: 10_000 })
      .toEqual([{ queue, type }])
    await repair.close()
    await expectHeadsToEqualFolds(other, [task.taskId])
    await other.close()
    await world.close()
  })
})

describe('a database that was promoted', () => {
  it('has every append go to the routes that it has now, whatever their numbers were', async () => {
    const world = await openPostgresStore()
    const { queue, type } = (await submitTo(world)).facts.submission
    // What was learned is lost, and its number stands for another route.
    await world.pool.query(sql.unsafe`update taskfold.routes set queue = 'another' where queue = ${queue}`)
    world.routes.forgetAll()
    const task = await submitTo(world, { ...(await submitTo(world)).facts.submission, queue, type })
    const heads = await world.index.findHeads([task.taskId])
    expect(heads.get(task.taskId)).toMatchObject({ queue, type })
    await world.close()
  })
})
