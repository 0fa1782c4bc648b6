import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpWorld, type HttpWorld } from '../../support/http-world.ts'

let world: HttpWorld
const idsByType: Record<string, string[]> = { a: [], b: [] }

/** Twenty tasks, a second apart: types alternate, every fifth has the tag, the last four are scheduled. */
beforeAll(async () => {
  world = await createHttpWorld()
  for (let index = 0; index < 20; index += 1) {
    const type = index % 2 === 0 ? 'a' : 'b'
    const more = { ...(index % 5 === 0 && { tags: ['x y'] }), ...(index >= 16 && { delayMs: 60_000 }) }
    const submitted = await world.post('/api/tasks', JSON.stringify({ type, queue: `q-${type}`, ...more }))
    idsByType[type]?.unshift(submitted.json().id)
    await world.memory.advance(1_000)
  }
})
afterAll(() => world.close())

interface Page {
  readonly items: readonly { readonly id: string; readonly detail: string; readonly type: string }[]
  readonly nextCursor: string | null
}

const list = async (query: string): Promise<Page> => {
  const answer = await world.inject(`/api/tasks?${query}`)
  expect(answer.statusCode).toBe(200)
  return answer.json()
}

/** All ids of a walk, page by page. */
const walk = async (query: string, between: () => Promise<unknown> = () => Promise.resolve()): Promise<string[]> => {
  const ids: string[] = []
  let cursor = ''
  for (let page = 0; page < 50; page += 1) {
    const { items, nextCursor } = await list(`${query}${cursor}`)
    ids.push(...items.map((item) => item.id))
    if (nextCursor === null) return ids
    cursor = `&cursor=${nextCursor}`
    await between()
  }
  throw new Error('the walk did not end')
}

describe('a list of tasks', () => {
  test('is newest first, and has neither payloads nor results', async () => {
    const { items, nextCursor } = await list('limit=200')
    expect(nextCursor).toBeNull()
    expect(items).toHaveLength(20)
    expect(items.map((item) => item.id)).toStrictEqual(
      items
        .map((item) => item.id)
        .toSorted()
        .toReversed(),
    )
    expect(items[0]).not.toHaveProperty('payload')
    expect(items[0]).not.toHaveProperty('result')
  })

  test.each([
    ['type=a', 10],
    ['queue=q-b', 10],
    ['status=PENDING', 20],
    ['status=FAILED', 0],
    ['detail=scheduled', 4],
    ['detail=ready&type=a', 8],
    ['status=SUCCESS&detail=ready', 0],
    ['tag=x+y', 4],
    ['tag=x%20y&queue=q-a', 2],
    ['tag=x', 0],
    ['submittedAfter=2026-01-01T00:00:15Z', 4],
    ['submittedBefore=2026-01-01T00:00:15.000Z', 15],
    ['submittedAfter=2026-01-01T01:00:04%2B01:00&submittedBefore=2026-01-01T00:00:06Z', 1],
  ])('by %s has %i tasks', async (query, count) => {
    expect((await list(query)).items).toHaveLength(count)
  })
})

describe('a walk page by page', () => {
  test.each([
    'limit=1&type=a',
    'limit=3&type=a',
    'limit=10&type=a',
    'limit=7&type=a&tag=x+y',
    'limit=1&type=a&tag=x+y',
  ])('by %s meets each task once', async (query) => {
    const wanted = query.includes('tag')
      ? [0, 5].map((index) => idsByType['a']?.[9 - index]).toReversed()
      : idsByType['a']
    expect(await walk(query)).toStrictEqual(wanted)
  })

  test('does not show tasks that were added meanwhile, and misses none that was there', async () => {
    const added: string[] = []
    const ids = await walk('limit=2&type=b', async () => {
      added.push((await world.post('/api/tasks', '{"type":"b"}')).json().id)
    })
    expect(added.length).toBeGreaterThan(2)
    expect(ids).toStrictEqual(idsByType['b'])
  })
})

describe('a walk over tasks few of which match', () => {
  test('goes on over a page on which none did', { timeout: 30_000 }, async () => {
    const large = await createHttpWorld()
    const rare = (await large.post('/api/tasks', '{"type":"a","tags":["rare"]}')).json().id
    // More than one page looks at.
    const tasks = Array.from({ length: 600 }, () => ({ type: 'a' }))
    for (const _ of [1, 2]) await large.post('/api/tasks/batch', JSON.stringify({ tasks }))
    const first: Page = (await large.inject('/api/tasks?tag=rare')).json()
    expect(first.items).toEqual([])
    expect(first.nextCursor).not.toBeNull()
    const second: Page = (await large.inject(`/api/tasks?tag=rare&cursor=${first.nextCursor ?? ''}`)).json()
    expect(second.items.map(({ id }) => id)).toEqual([rare])
    expect(second.nextCursor).toBeNull()
    await large.close()
  })

  test('leaves out one that has changed since its head was read', async () => {
    const changing = await createHttpWorld({
      wrapStore: (store) => ({
        ...store,
        loadOutlines: async (taskIds) => {
          for (const taskId of taskIds) await changing.work(taskId, () => ({ type: 'Cancel' }))
          return store.loadOutlines(taskIds)
        },
      }),
    })
    await changing.post('/api/tasks', '{"type":"a"}')
    expect((await changing.inject('/api/tasks?status=PENDING')).json().items).toEqual([])
    expect((await changing.inject('/api/tasks?status=CANCELLED')).json().items).toHaveLength(1)
    await changing.close()
  })
})

describe('a cursor that was never given out', () => {
  test.each(['', 'x', 'AAAA', '%00', 'VAGbdqqoAHAAomV2n3RELyw%3D', 'a'.repeat(1_000), 'VAGbdqqoAHAAomV2n3RELyx', '🎉'])(
    'is refused: %s',
    async (cursor) => {
      const refused = await world.inject(`/api/tasks?cursor=${encodeURI(cursor)}`)
      expect([refused.statusCode, refused.json().code]).toStrictEqual([400, 'invalid-cursor'])
    },
  )
})

describe('a query that does not fit', () => {
  test.each([
    ['status=pending', ['/query/status']],
    ['detail=done', ['/query/detail']],
    ['type=a%20b&queue=', ['/query/type', '/query/queue']],
    ['tag=', ['/query/tag']],
    [`tag=${'x'.repeat(65)}`, ['/query/tag']],
    ['tag=%00', ['/query/tag']],
    ['tag=%ff', ['/query/tag']],
    [
      'submittedAfter=yesterday&submittedBefore=2026-13-01T00:00:00Z',
      ['/query/submittedAfter', '/query/submittedBefore'],
    ],
    ['limit=0', ['/query/limit']],
    ['limit=201', ['/query/limit']],
    ['limit=1.0&limits=2', ['/query/limit', '/query/limits']],
    ['limit=1&limit=1', ['/query/limit']],
    ['__proto__=1&a%2Fb=2', ['/query/__proto__', '/query/a~1b']],
  ])('names its faults: %s', async (query, pointers) => {
    const refused = await world.inject(`/api/tasks?${query}`)
    expect(refused.statusCode).toBe(422)
    const { code, errors }: { readonly code: string; readonly errors: readonly { readonly pointer: string }[] } =
      refused.json()
    expect(code).toBe('validation-failed')
    expect(errors.map((fault) => fault.pointer)).toStrictEqual(pointers)
  })

  test.each(['/api/queues', '/api/workers', '/api/info', '/api/tasks/019b76da-a800-7c3e-8f6e-2f1d9c0b5a41'])(
    'is refused where no query belongs: %s',
    async (path) => {
      const refused = await world.inject(`${path}?x=1`)
      expect(refused.json()).toMatchObject({
        status: 422,
        errors: [{ pointer: '/query/x', message: 'is not known here' }],
      })
    },
  )
})

test('a page ends before it weighs more than a mebibyte, and the walk leaves nothing out', async () => {
  const heavy = await createHttpWorld()
  const tags = Array.from({ length: 20 }, (_, index) => String.fromCodePoint(0x1f600 + index).repeat(64))
  const tasks = Array.from({ length: 230 }, () => ({ type: 'a', tags }))
  await heavy.post('/api/tasks/batch', JSON.stringify({ tasks }))
  const first = await heavy.inject('/api/tasks?limit=200')
  expect(first.rawPayload.length).toBeLessThanOrEqual(1_048_576)
  const { items, nextCursor }: Page = first.json()
  expect(items.length).toBeLessThan(200)
  const rest: Page = (await heavy.inject(`/api/tasks?limit=200&cursor=${nextCursor ?? ''}`)).json()
  expect(rest.nextCursor).toBeNull()
  expect(new Set([...items, ...rest.items].map(({ id }) => id)).size).toBe(230)
  await heavy.close()
})
