import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Locking } from '#adapters/postgres/group-commit/locking.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { damageStream } from '../support/damage-stream.ts'
import { openStoreInManner } from '../support/locking-manners.ts'
import { describeEventStore } from './event-store.ts'

const manners: readonly Locking[] = ['optimistic', 'skip-locked']

const setUp = async (manner: Locking) => {
  const world = await openStoreInManner(manner)
  return {
    ...world,
    advance: (ms: number) => sleep(ms),
    damage: (taskId: TaskId) => damageStream(world.pool, taskId),
  }
}

for (const manner of manners) describeEventStore(`Postgres, ${manner}`, () => setUp(manner))

describe('a store in one manner of locking', () => {
  it.each([
    ['optimistic', 'refused'],
    ['skip-locked', 'taken'],
  ] as const)('that is %s has a batch %s in which an append was stored before, now and later', async (manner, what) => {
    const world = await openStoreInManner(manner)
    for (const _ of [1, 2, 3]) expect(await world.meetsRefusal()).toBe(what === 'refused')
    await world.close()
  })
})
