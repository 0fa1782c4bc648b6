import { request } from 'node:http'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
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

describe('bodies', () => {
  const body = JSON.stringify({ type: 'a', payload: 'x'.repeat(100) })

  test('are refused before they are read when they weigh too much together', async () => {
    world = await createHttpWorld({ server: { overrides: { admission: { 'body-byte': 100 } } } })
    const refused = await world.post('/api/tasks', body)
    expect([refused.statusCode, refused.json().code]).toStrictEqual([503, 'overloaded'])
    expect((await world.post('/api/tasks', '{"type":"a"}')).statusCode).toBe(202)
  })

  test('that do not announce their length count with the limit', async () => {
    world = await createHttpWorld({ server: { overrides: { admission: { 'body-byte': 100_000 } } } })
    const { url } = await world.server.listen('127.0.0.1', 0)
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
    const chunked = request(`${url}/api/tasks`, { method: 'POST', headers })
    const answer = once(chunked, 'response')
    chunked.end('{"type":"a"}')
    const [response] = await answer
    expect(response.statusCode).toBe(503)
    response.resume()
  })

  test('do not count any more once they were answered', async () => {
    world = await createHttpWorld({ server: { overrides: { admission: { 'body-byte': 200 } } } })
    for (let sent = 0; sent < 10; sent += 1) expect((await world.post('/api/tasks', body)).statusCode).toBe(202)
  })
})
