import type { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { blockingConnectionsMax } from '#adapters/redis/queue/blocking-pulls.ts'
import { waitUntil } from '../../support/contract-world.ts'
import { hasRedisServer, startRedisServer } from '../../support/redis-server.ts'
import { connectTo } from '../../support/redis-worlds.ts'
import { makeRoute, range } from '../../support/task-builders.ts'
import { listClients, openConsole } from './support/clients.ts'
import { makeHint, realTime, take, wait } from './support/hints.ts'

const setUp = async () => {
  const server = await startRedisServer()
  onTestFinished(() => server.remove())
  const redis = await connectTo({ url: server.url })
  onTestFinished(() => redis.close())
  return { redis, ask: openConsole(server) }
}

const countClients = async (ask: Redis) => ({
  commands: (await listClients(ask, 'commands')).length,
  signals: (await listClients(ask, 'signals')).length,
  waits: (await listClients(ask, 'waits')).length,
})

const usedBytes = async (ask: Redis): Promise<number> => Number(/used_memory:(\d+)/.exec(await ask.info('memory'))?.[1])

describe.runIf(hasRedisServer())('the connections of a process', () => {
  it('are one for commands and one for signals', async () => {
    const { redis, ask } = await setUp()
    await redis.queue.push([makeHint(makeRoute())])
    await take(redis.queue, [makeRoute()])
    expect(await countClients(ask)).toEqual({ commands: 1, signals: 1, waits: 0 })
  })

  it('are one more for each pull that waits at once, which is used again', async () => {
    const { redis, ask } = await setUp()
    const routes = [makeRoute(), makeRoute(), makeRoute()]
    for (const route of routes) {
      const pulled = [wait(redis.queue, routes), wait(redis.queue, routes)]
      await waitUntil(realTime, async () => (await countClients(ask)).waits === 2)
      await redis.queue.push([makeHint(route), makeHint(route)])
      await Promise.all(pulled)
    }
    expect(await countClients(ask)).toEqual({ commands: 1, signals: 1, waits: 2 })
  })

  it('are bounded, and pulls beyond the bound are woken all the same', async () => {
    const { redis, ask } = await setUp()
    const route = makeRoute()
    const pulls = blockingConnectionsMax + 8
    const pulled = range(pulls).map(() => wait(redis.queue, [route]))
    await waitUntil(realTime, async () => (await countClients(ask)).waits === blockingConnectionsMax)
    await redis.queue.push(range(pulls).map((rank) => makeHint(route, rank)))
    expect((await Promise.all(pulled)).flatMap(({ taskIds }) => taskIds)).toHaveLength(pulls)
    expect((await countClients(ask)).waits).toBeLessThanOrEqual(blockingConnectionsMax)
  })

  it('are all ended when it closes, and pulls that wait with them', async () => {
    const { redis, ask } = await setUp()
    const pulled = wait(redis.queue, [makeRoute()]).catch((error: unknown) => error)
    await waitUntil(realTime, async () => (await countClients(ask)).waits === 1)
    await redis.close()
    expect(await pulled).toBeInstanceOf(Error)
    await waitUntil(realTime, async () => Object.values(await countClients(ask)).every((count) => count === 0))
  })
})

describe.runIf(hasRedisServer())('the memory of the server', () => {
  it('is below 20 MB for 100,000 ids of a route, and no more for 150,000', async () => {
    const { redis, ask } = await setUp()
    const route = makeRoute()
    const before = await usedBytes(ask)
    for (const batch of range(150)) {
      await redis.queue.push(range(1_000).map((rank) => makeHint(route, batch * 1_000 + rank)))
      if (batch === 99) expect((await usedBytes(ask)) - before).toBeLessThan(20_000_000)
    }
    expect(await redis.queue.size(route)).toBe(100_000)
    expect((await usedBytes(ask)) - before).toBeLessThan(20_000_000)
    const first = await take(redis.queue, [route], 1)
    expect(first.left).toBe(99_999)
  })

  it('is given back an hour after the last push to a route', async () => {
    const { redis, ask } = await setUp()
    await redis.queue.push([makeHint(makeRoute())])
    const keys = (await ask.keys('*')).filter((key) => !key.endsWith(':probe'))
    const expiries = await Promise.all(keys.map((key) => ask.ttl(key)))
    expect(keys).toHaveLength(1)
    expect(expiries.every((seconds) => seconds > 3_500 && seconds <= 3_600)).toBe(true)
  })
})
