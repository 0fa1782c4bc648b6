import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mintIncarnation } from '../../../support/ids.ts'
import { range } from '../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  world = await createHttpWorld()
  await world.memory.routes.learn(
    range(25).map((place) => ({ queue: `q${String(place).padStart(2, '0')}`, type: 't' })),
  )
  for (const _ of range(5)) {
    await world.memory.registry.register({
      incarnation: mintIncarnation(),
      host: 'here',
      pid: 1,
      queues: undefined,
      types: ['t'],
      concurrency: 1,
      leaseMs: 15_000,
      beatMs: 3_000,
    })
  }
})
afterAll(() => world.close())

const walk = async (address: string, limit: number): Promise<readonly string[]> => {
  const keys: string[] = []
  let cursor: string | null = ''
  for (let page = 0; cursor !== null; page += 1) {
    const answer: Awaited<ReturnType<typeof world.inject>> = await world.inject(
      `${address}?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    expect(answer.statusCode).toBe(200)
    const { items, nextCursor }: { items: { queue?: string; id?: string }[]; nextCursor: string | null } = answer.json()
    expect(items.length).toBeGreaterThan(0)
    expect(items.length).toBeLessThanOrEqual(limit)
    keys.push(...items.map(({ queue, id }) => queue ?? id ?? ''))
    cursor = nextCursor
  }
  return keys
}

describe.each([
  ['/api/queues', 25],
  ['/api/workers', 5],
])('the list %s', (address, count) => {
  test.each([1, 5, 7, 1_000])('comes in pages of %i, each item once and in order', async (limit) => {
    const keys = await walk(address, limit)
    expect(keys).toHaveLength(count)
    expect(keys).toEqual([...new Set(keys)].toSorted())
  })

  test.each(['limit=0', 'limit=1001', 'limit=x', 'y=1'])('refuses %s', async (query) => {
    expect((await world.inject(`${address}?${query}`)).statusCode).toBe(422)
  })

  test.each(['x', 'VA', 'cursor'])('takes no cursor %s that it did not give', async (cursor) => {
    const answer = await world.inject(`${address}?cursor=${cursor}`)
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid-cursor'])
  })
})
