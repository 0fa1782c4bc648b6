import { createClient, type FeedEvent } from 'taskfold'
import { describe, expect, test } from 'vitest'
import { feedEventOf, messageOf, taskOf } from './support/answers.ts'
import { answer, halfAnswer, problem, reset, silence, startScriptedServer, stream } from './support/scripted-server.ts'

const ended = taskOf({ status: 'SUCCESS', detail: 'succeeded', result: { n: 1 } })

describe('waiting for the end', () => {
  test('asks again until the task has ended, whatever happens to a connection', async () => {
    await using server = await startScriptedServer([
      answer(200, taskOf()),
      reset,
      halfAnswer,
      problem(503, 'store-unavailable', {}, { 'retry-after': '0' }),
      answer(200, ended),
    ])
    expect(await createClient({ url: server.url }).waitForEnd('x')).toEqual(ended)
    expect(server.seen.map(({ line }) => line)).toEqual(Array(5).fill('GET /api/tasks/x?wait=20s HTTP/1.1'))
  })

  test('goes on with a server that is away for longer than a call', async () => {
    await using server = await startScriptedServer([
      problem(503, 'overloaded', {}, { 'retry-after': '3600' }),
      answer(200, ended),
    ])
    expect(await createClient({ url: server.url }).waitForEnd('x')).toEqual(ended)
  })

  test('asks for no more than the time that is left, and gives up when it is over', async () => {
    await using server = await startScriptedServer([silence])
    const wait = createClient({ url: server.url }).waitForEnd('x', { timeoutMs: 300 })
    await expect(wait).rejects.toMatchObject({ code: 'deadline-exceeded', taskId: 'x' })
    expect(server.seen.map(({ line }) => line)).toEqual(['GET /api/tasks/x?wait=1s HTTP/1.1'])
  })

  test('ends with the refusal of the server', async () => {
    await using server = await startScriptedServer([problem(404, 'task-not-found')])
    const wait = createClient({ url: server.url }).waitForEnd('x')
    await expect(wait).rejects.toMatchObject({ code: 'task-not-found', status: 404, taskId: 'x' })
  })
})

/** The first `count` events of the feed. */
const take = async (events: AsyncIterable<FeedEvent>, count: number): Promise<readonly string[]> => {
  const cursors: string[] = []
  for await (const { cursor } of events) {
    cursors.push(cursor)
    if (cursors.length === count) break
  }
  return cursors
}

describe('following the feed', () => {
  test('resumes after the last event when a connection ends, breaks or is cut in a message', async () => {
    const cut = messageOf('c4').slice(0, 40)
    await using server = await startScriptedServer([
      stream(`: hello\n\n${messageOf('c1')}${messageOf('c2')}`, 'end'),
      stream(`retry: 5\n\n${messageOf('c3')}${cut}`, 'reset'),
      problem(503, 'store-unavailable', {}, { 'retry-after': '0' }),
      stream(messageOf('c4').replaceAll('\n', '\r\n') + messageOf('c5'), 'stay'),
    ])
    const events = createClient({ url: server.url }).followEvents()

    expect(await take(events, 5)).toEqual(['c1', 'c2', 'c3', 'c4', 'c5'])
    expect(server.seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'c2', 'c3', 'c3'])
    expect(server.seen.every(({ headers }) => headers['accept'] === 'text/event-stream')).toBe(true)
  })

  test('from now on keeps its place even when the first connection brings no event', async () => {
    await using server = await startScriptedServer([
      answer(200, { items: [], nextCursor: 'now' }),
      stream(': nothing yet\n\n', 'end'),
      stream(messageOf('c1'), 'stay'),
    ])
    const events = createClient({ url: server.url }).followEvents({ after: 'latest' })

    expect(await take(events, 1)).toEqual(['c1'])
    expect(server.seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'now', 'now'])
    expect(server.seen[0]?.line).toBe('GET /api/events?limit=1&after=latest HTTP/1.1')
  })

  test('ends with the reason of its signal', async () => {
    const abort = new AbortController()
    await using server = await startScriptedServer([stream(messageOf('c1'), 'stay')])
    const events = createClient({ url: server.url }).followEvents({ signal: abort.signal })
    const seen: string[] = []
    const following = (async () => {
      for await (const { cursor } of events) {
        seen.push(cursor)
        setTimeout(() => abort.abort(new Error('enough')), 10)
      }
    })()
    await expect(following).rejects.toThrow('enough')
    expect(seen).toEqual(['c1'])
  })

  test.each([
    ['a page', answer(200, { items: [], nextCursor: 'a' })],
    ['what is no event', stream('data: {}\n\n', 'stay')],
    ['what is no JSON', stream('data: hello\n\n', 'stay')],
  ])('is over when it is answered with %s', async (_what, step) => {
    await using server = await startScriptedServer([step])
    const following = take(createClient({ url: server.url }).followEvents(), 1)
    await expect(following).rejects.toMatchObject({ code: 'invalid-answer' })
  })

  test('ends when the cursor is refused', async () => {
    await using server = await startScriptedServer([problem(400, 'invalid-cursor')])
    const following = take(createClient({ url: server.url }).followEvents({ after: 'x' }), 1)
    await expect(following).rejects.toMatchObject({ code: 'invalid-cursor', status: 400 })
  })

  test('leaves no connection behind when the loop is left', async () => {
    const closed = Promise.withResolvers<boolean>()
    await using server = await startScriptedServer([
      (socket, request) => {
        socket.on('close', () => closed.resolve(true))
        stream(messageOf('c1'), 'stay')(socket, request)
      },
    ])
    await take(createClient({ url: server.url }).followEvents(), 1)
    expect(await closed.promise).toBe(true)
  })
})

test('reading the feed goes on page by page until an empty page', async () => {
  await using server = await startScriptedServer([
    answer(200, { items: [feedEventOf('c1'), feedEventOf('c2')], nextCursor: 'c2' }),
    reset,
    answer(200, { items: [feedEventOf('c3')], nextCursor: 'c3' }),
    answer(200, { items: [], nextCursor: 'c3' }),
  ])
  const cursors: string[] = []
  for await (const { cursor } of createClient({ url: server.url }).readEvents()) cursors.push(cursor)

  expect(cursors).toEqual(['c1', 'c2', 'c3'])
  expect(server.seen.at(-1)?.line).toBe('GET /api/events?limit=500&after=c3 HTTP/1.1')
})

test('reading the feed refuses a page without a cursor', async () => {
  await using server = await startScriptedServer([answer(200, { items: [feedEventOf('c1')], nextCursor: null })])
  const reading = take(createClient({ url: server.url }).readEvents(), 5)
  await expect(reading).rejects.toMatchObject({ code: 'invalid-answer' })
})
