import { describe, expect, it } from 'vitest'
import { listEffects } from '#application/queries/list-effects.ts'
import { type FeedItem, readFeed } from '#application/queries/read-feed.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts'
import { runOf, start } from '../../support/run-commands.ts'
import { appendCommand, submitMany, submitTo } from '../../support/task-builders.ts'

const read = async ({ feed }: MemoryWorld, after: string | undefined, limit = 100) => {
  const reading = await readFeed(feed, after, limit)
  if (reading.kind !== 'page') throw new Error('the cursor was refused')
  return reading
}
const idsOf = (items: readonly FeedItem[]) => items.map(({ event }) => event.taskId)

describe('reading the feed', () => {
  it('goes on from any cursor it gave out, and from now on when asked for the latest', async () => {
    const world = createMemoryWorld()
    const tasks = await submitMany(world, 5)
    const ids = tasks.map((task) => task.taskId)
    const { items, next } = await read(world, undefined)
    expect(idsOf(items)).toEqual(ids)
    expect(idsOf((await read(world, items[1]?.cursor)).items)).toEqual(ids.slice(2))
    const latest = await read(world, 'latest')
    expect(latest.items).toEqual([])
    const later = await submitTo(world)
    expect(idsOf((await read(world, latest.next)).items)).toEqual([later.taskId])
    expect(idsOf((await read(world, next)).items)).toEqual([later.taskId])
  })

  it('answers where to read on when there is nothing at all', async () => {
    const world = createMemoryWorld()
    const { items, next } = await read(world, undefined)
    expect(items).toEqual([])
    const task = await submitTo(world)
    expect(idsOf((await read(world, next)).items)).toEqual([task.taskId])
  })

  it('refuses what is no cursor of it', async () => {
    const world = createMemoryWorld()
    await submitTo(world)
    const { next } = await read(world, undefined)
    for (const after of ['', 'latest ', 'x', next.replace('memory', 'other'), next.slice(0, -2)]) {
      expect(await readFeed(world.feed, after, 10)).toEqual({ kind: 'invalid-cursor' })
    }
  })
})

describe('the effects of a task', () => {
  it('are none for one that had none, and undefined for one that does not exist', async () => {
    const world = createMemoryWorld()
    const running = await submitTo(world).then((task) => appendCommand(world.store, task, start(task)))
    expect(await listEffects(world, running.taskId)).toEqual([])
    expect(await listEffects(world, mintTaskId())).toBeUndefined()
    const { taskId } = running
    const claim = {
      taskId,
      name: 'send',
      mode: 'idempotent',
      run: runOf(running),
      attempt: 1,
      input: undefined,
    } as const
    await world.ledger.claim(claim)
    expect(await listEffects(world, taskId)).toMatchObject([{ name: 'send', state: 'started' }])
  })
})
