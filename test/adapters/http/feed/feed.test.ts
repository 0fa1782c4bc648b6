import { afterEach, describe, expect, test } from 'vitest'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { createFeedWorlds, seenBy, submitInTurn as submit } from '../support/feed-worlds.ts'

const { open, close } = createFeedWorlds()
afterEach(close)

describe('the feed page by page', () => {
  test('gives every event once, in order, and can be read on from each page', async () => {
    const { world } = await open()
    const ids = await submit(world, 7)
    const seen: string[] = []
    let after: string | undefined
    for (let page = 0; page < 5; page += 1) {
      const query: string = after === undefined ? 'limit=3' : `limit=3&after=${after}`
      const { items, nextCursor } = (await world.inject(`/api/events?${query}`)).json()
      for (const item of items) seen.push(item.taskId)
      if (items.length > 0) expect(nextCursor).toBe(items.at(-1).cursor)
      after = nextCursor
    }
    expect(seen).toStrictEqual(ids)
    const more = await submit(world, 1)
    const { items } = (await world.inject(`/api/events?after=${after ?? ''}`)).json()
    expect(items).toStrictEqual([
      {
        cursor: expect.any(String),
        taskId: more[0],
        version: 1,
        type: 'Submitted',
        data: expect.objectContaining({ type: 'a', payload: null }),
        recordedAt: '2026-01-01T00:00:00.000Z',
        actor: null,
        reason: null,
        traceId: null,
      },
    ])
  })

  test('ends a page before it weighs more than a mebibyte, and leaves nothing out', async () => {
    const { world } = await open()
    const ids: string[] = []
    for (let made = 0; made < 12; made += 1) {
      const { task } = await world.operations.submit({ type: 'a', payload: `"${'é'.repeat(100_000)}"` }, {})
      ids.push(task.taskId)
    }
    const seen: string[] = []
    for (let page = 0, after = ''; page < 3; page += 1) {
      const answer = await world.inject(`/api/events?limit=1000${after}`)
      expect(answer.rawPayload.length).toBeLessThanOrEqual(1_048_576)
      for (const item of answer.json().items) seen.push(item.taskId)
      after = `&after=${answer.json().nextCursor}`
    }
    expect(seen).toStrictEqual(ids)
  })

  test('begins at its end when asked for the latest', async () => {
    const { world } = await open()
    await submit(world, 2)
    const { items, nextCursor } = (await world.inject('/api/events?after=latest')).json()
    expect(items).toStrictEqual([])
    const [id] = await submit(world, 1)
    const next = (await world.inject(`/api/events?after=${nextCursor}`)).json()
    expect(next.items).toMatchObject([{ taskId: id }])
  })

  test('holds 100 events when no limit is given', async () => {
    const { world } = await open()
    await submit(world, 101)
    expect((await world.inject('/api/events')).json().items).toHaveLength(100)
    expect((await world.inject('/api/events?limit=1000')).json().items).toHaveLength(101)
  })

  test.each([
    '',
    'x',
    '0',
    'Latest',
    'latest+',
    'memory.0',
    'memory.zzzzzz.00000000000000000000000000000000.0',
    'other.1.019b76daa8007c3e8f6e2f1d9c0b5a41.1',
    '%00',
  ])('refuses a cursor that it never gave: %j', async (after) => {
    const { world } = await open()
    const refused = await world.inject(`/api/events?after=${after}`)
    expect([refused.statusCode, refused.json().code]).toStrictEqual([400, 'invalid-cursor'])
  })
})

describe('content negotiation', () => {
  test.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/json, text/event-stream', 'application/json'],
    ['text/event-stream;q=0.5, application/json', 'application/json'],
    ['text/event-stream', 'text/event-stream'],
    ['text/event-stream, */*', 'text/event-stream'],
    ['text/*', 'text/event-stream'],
    ['TEXT/EVENT-STREAM, application/json;q=0.9', 'text/event-stream'],
  ])('of %j answers %s', async (accept, mediaType) => {
    const { url } = await open()
    const over = new AbortController()
    const answer = await fetch(`${url}/api/events`, {
      signal: over.signal,
      headers: accept === undefined ? {} : { accept },
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(new RegExp(`^${mediaType}`))
    expect(answer.headers.get('vary')).toBe('accept')
    over.abort()
  })

  test.each(['text/html', 'text/event-stream;q=0', 'application/xml, text/*;q=0'])(
    'of %s is refused',
    async (accept) => {
      const { world } = await open()
      const refused = await world.inject({ url: '/api/events', headers: { accept } })
      expect([refused.statusCode, refused.json().code]).toStrictEqual([406, 'not-acceptable'])
    },
  )

  test('of a HEAD request leaves no stream open', async () => {
    const { url, follow } = await open({ server: { overrides: { admission: { stream: 1 } } } })
    const head = await fetch(`${url}/api/events`, { method: 'HEAD', headers: { accept: 'text/event-stream' } })
    expect(head.status).toBe(200)
    expect((await follow()).status).toBe(200)
  })
})

describe('a stream', () => {
  test('gives earlier and later events, each with its cursor', async () => {
    const { world, follow } = await open()
    const before = await submit(world, 3)
    const source = await follow()
    expect(source.headers['content-type']).toBe('text/event-stream')
    const after = await submit(world, 3)
    await expect.poll(() => seenBy(source)).toStrictEqual([...before, ...after])
    for (const { id, data } of source.messages) expect(id).toBe(data.cursor)
  })

  test('begins at the end of the feed when asked for the latest', async () => {
    const { world, follow } = await open()
    await submit(world, 3)
    const source = await follow({ query: '?after=latest' })
    const after = await submit(world, 2)
    await expect.poll(() => seenBy(source)).toStrictEqual(after)
  })

  test('resumes after Last-Event-ID, whatever the address says', async () => {
    const { world, follow } = await open()
    const ids = await submit(world, 6)
    const first = await follow()
    await expect.poll(() => seenBy(first)).toHaveLength(6)
    first.close()
    const second = await follow({ query: '?after=latest', lastEventId: first.messages[2]?.id })
    await expect.poll(() => seenBy(second)).toStrictEqual(ids.slice(3))
  })

  test.each(['x', '', 'other.1.019b76daa8007c3e8f6e2f1d9c0b5a41.1'])(
    'does not resume after a text that is no cursor: %j',
    async (lastEventId) => {
      const { follow } = await open()
      const refused = await follow({ lastEventId })
      expect(refused.status).toBe(400)
      expect(JSON.parse(refused.body)).toMatchObject({ code: 'invalid-cursor' })
    },
  )

  test('sends a comment when there is no event', async () => {
    const { follow } = await open({ server: { overrides: { feed: { pollMs: 5, heartbeatMs: 5 } } } })
    const source = await follow()
    await expect.poll(() => source.comments()).toBeGreaterThan(3)
  })

  test('ends when the server closes', async () => {
    const { world, follow } = await open()
    const source = await follow()
    await world.server.close()
    await source.ended
  })

  test('is refused beyond the limit, and makes room when its client goes', async () => {
    const { follow } = await open({ server: { overrides: { admission: { stream: 2 } } } })
    const first = await follow()
    await follow()
    const refused = await follow()
    expect(refused.status).toBe(503)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'overloaded' })
    first.close()
    await expect.poll(async () => (await follow()).status).toBe(200)
  })

  test('outlives a store that is away for a while', { timeout: 30_000 }, async () => {
    let away = false
    const { world, follow } = await open({
      wrapFeed: (feed) => ({
        ...feed,
        readAfter: (cursor, limit) =>
          away ? Promise.reject(new StoreUnavailableError('gone', 'not-stored')) : feed.readAfter(cursor, limit),
      }),
    })
    const source = await follow()
    const [one] = await submit(world, 1)
    await expect.poll(() => seenBy(source)).toStrictEqual([one])
    away = true
    const more = await submit(world, 2)
    expect((await world.inject('/api/events')).statusCode).toBe(503)
    away = false
    await expect.poll(() => seenBy(source), { timeout: 10_000 }).toStrictEqual([one, ...more])
  })
})
