import { request } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
import { type Admission, createAdmission } from '#adapters/http/request/admission.ts'
import { limits } from '#adapters/http/request/limits.ts'
import { range } from '../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let world: HttpWorld | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

const aTask = '/api/tasks/019b76da-a800-7c3e-8f6e-2f1d9c0b5a41'

/** Loads wait for `release`. */
const createHeldStore = () => {
  const released = Promise.withResolvers<void>()
  let held = 0
  return {
    held: () => held,
    release: released.resolve,
    wrapStore: (store: EventStore): EventStore => ({
      ...store,
      loadStream: async (taskId) => {
        held += 1
        await released.promise
        return store.loadStream(taskId)
      },
    }),
  }
}

describe('a process with as many requests under way as it can hold', () => {
  test('refuses the next until one is answered, but not the probes', async () => {
    const { held, release, wrapStore } = createHeldStore()
    world = await createHttpWorld({ wrapStore, server: { overrides: { admission: { request: 2 } } } })
    const { inject } = world
    const waiting = [inject(aTask), inject(aTask)]
    await expect.poll(held).toBe(2)
    const refused = await inject(aTask)
    expect([refused.statusCode, refused.json().code]).toStrictEqual([503, 'overloaded'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    for (const path of ['/livez', '/readyz', '/api/info']) expect((await inject(path)).statusCode).toBe(200)
    release()
    for (const answer of await Promise.all(waiting)) expect(answer.statusCode).toBe(404)
    await expect.poll(async () => (await inject(aTask)).statusCode).toBe(404)
  })

  test('has room again when a client has gone', async () => {
    const { held, release, wrapStore } = createHeldStore()
    world = await createHttpWorld({ wrapStore, server: { overrides: { admission: { request: 1 } } } })
    const { url } = await world.server.listen('127.0.0.1', 0)
    const gone = request(`${url}${aTask}`)
    gone.on('error', () => {})
    gone.end()
    await expect.poll(held).toBe(1)
    gone.destroy()
    await expect.poll(async () => (await world?.inject('/api/queues'))?.statusCode).toBe(200)
    release()
  })
})

describe('large bodies', () => {
  const body = JSON.stringify({ type: 'a', payload: 'x'.repeat(limits.smallBytesMax) })
  const small = '{"type":"a"}'

  test('are refused when they weigh too much together, and small ones are not', async () => {
    world = await createHttpWorld({ server: { overrides: { admission: { 'body-byte': 1_000 } } } })
    const refused = await world.post('/api/tasks', body)
    expect([refused.statusCode, refused.json().code]).toStrictEqual([503, 'overloaded'])
    expect((await world.post('/api/tasks', small)).statusCode).toBe(202)
  })

  test('count with what has arrived of them, not with what they announce', async () => {
    world = await createHttpWorld({ server: { overrides: { admission: { 'body-byte': 100_000 } } } })
    const { url } = await world.server.listen('127.0.0.1', 0)
    const announcing = Array.from({ length: 8 }, () => {
      const headers = { 'content-type': 'application/json', 'content-length': '2000000' }
      const sent = request(`${url}/api/tasks`, { method: 'POST', headers })
      sent.on('error', () => {})
      sent.write('{')
      return sent
    })
    await Promise.all(announcing.map((sent) => once(sent, 'socket')))
    for (let sent = 0; sent < 3; sent += 1) expect((await world.post('/api/tasks', body)).statusCode).toBe(202)
    for (const sent of announcing) sent.destroy()
  })

  test('do not count any more once they were answered', async () => {
    world = await createHttpWorld({ server: { overrides: { admission: { 'body-byte': 25_000 } } } })
    for (let sent = 0; sent < 10; sent += 1) expect((await world.post('/api/tasks', body)).statusCode).toBe(202)
  })
})

describe('a bound on what is under way', () => {
  const open = (address: string, admission: Admission) => {
    const holding = admission.open(address)
    return { take: () => holding.tryAdd('stream', 1)?.code, leave: () => holding.leave() }
  }

  test('leaves a quarter of it to other addresses', () => {
    const admission = createAdmission({ stream: 8 })
    const one = open('10.0.0.1', admission)
    expect(range(7).map(one.take)).toStrictEqual([...range(6).map(() => undefined), 'overloaded'])
    const other = open('10.0.0.2', admission)
    expect(range(3).map(other.take)).toStrictEqual([undefined, undefined, 'overloaded'])
    one.leave()
    one.leave()
    expect(range(2).map(other.take)).toStrictEqual([undefined, undefined])
    const again = open('10.0.0.1', admission)
    expect(again.take()).toBeUndefined()
  })

  test.each([
    ['2001:db8::1', '2001:db8::2', 'one'],
    ['2001:db8:0:0:1::', '2001:db8::5:6:7', 'one'],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', 'two'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.2', 'two'],
    ['10.0.0.1', '10.0.0.2', 'two'],
  ])('counts %s and %s as %s', (first, second, callers) => {
    const admission = createAdmission({ stream: 4 })
    range(3).map(open(first, admission).take)
    expect(open(second, admission).take()).toBe(callers === 'one' ? 'overloaded' : undefined)
  })
})

test('a connection beyond the bound is ended, and room again once another has gone', async () => {
  world = await createHttpWorld({ server: { overrides: { admission: { connection: 2 } } } })
  const { url } = await world.server.listen('127.0.0.1', 0)
  const open = () => connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
  const kept = [open(), open()]
  await Promise.all(kept.map((socket) => once(socket, 'connect')))
  await once(open().resume(), 'close')
  for (const socket of kept) socket.destroy()
  await expect.poll(async () => (await fetch(`${url}/livez`).catch(() => undefined))?.status).toBe(200)
})

describe('large answers', () => {
  test('are refused when too much of them waits to be taken off', async () => {
    world = await createHttpWorld({ server: { overrides: { admission: { 'answer-byte': 10_000 } } } })
    const { inject, post } = world
    for (let made = 0; made < 3; made += 1)
      await post('/api/tasks', JSON.stringify({ type: 'a', payload: 'x'.repeat(9_000) }))
    const refused = await inject('/api/events')
    expect([refused.statusCode, refused.json().code]).toStrictEqual([503, 'overloaded'])
    expect((await inject('/api/events?limit=1')).statusCode).toBe(200)
    expect((await inject('/api/tasks')).statusCode).toBe(200)
  })
})
