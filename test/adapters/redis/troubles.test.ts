import type { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RedisUnavailableError } from '#adapters/redis/connection/errors.ts'
import type { Signal } from '#application/ports/queue/signals.ts'
import { waitUntil } from '../../support/contract-world.ts'
import { mintTaskId } from '../../support/ids.ts'
import { hasRedisServer, startRedisServer } from '../../support/redis-server.ts'
import { connectTo, makePrefix } from '../../support/redis-worlds.ts'
import { makeRoute } from '../../support/task-builders.ts'
import { listClients, openConsole } from './support/clients.ts'
import { makeHint, realTime, take, wait } from './support/hints.ts'

type Connected = Awaited<ReturnType<typeof connectTo>>

const setUp = async (prefix = makePrefix()) => {
  const server = await startRedisServer()
  onTestFinished(() => server.remove())
  const redis = await connectTo({ url: server.url, prefix })
  onTestFinished(() => redis.close())
  return { server, redis, ask: openConsole(server) }
}

const isWell = ({ readHealth }: Connected): boolean => readHealth().every(({ ok }) => ok)

/** A push and a pull go through. */
const expectToWork = async ({ queue }: Connected): Promise<void> => {
  const hint = makeHint(makeRoute())
  await queue.push([hint])
  expect((await take(queue, [hint.route])).taskIds).toEqual([hint.taskId])
}

const waitUntilBlocked = (ask: Redis) =>
  waitUntil(realTime, async () => (await listClients(ask, 'waits')).some((line) => line.includes(' cmd=bzmpop ')))

describe.runIf(hasRedisServer())('a Redis in trouble', () => {
  it('that is killed under a waiting pull ends the pull, and both work again after a restart', async () => {
    const { server, redis, ask } = await setUp()
    const pulled = wait(redis.queue, [makeRoute()]).catch((error: unknown) => error)
    await waitUntilBlocked(ask)
    await server.kill()
    expect(await pulled).toBeInstanceOf(RedisUnavailableError)
    await waitUntil(realTime, () => !isWell(redis))
    await expect(redis.queue.push([makeHint(makeRoute())])).rejects.toThrow(RedisUnavailableError)
    await expect(wait(redis.queue, [makeRoute()])).rejects.toThrow(RedisUnavailableError)
    await expect(redis.queue.size(makeRoute())).rejects.toThrow(RedisUnavailableError)
    await server.start()
    await waitUntil(realTime, () => isWell(redis))
    await expectToWork(redis)
  })

  it('keeps nothing that was pushed while it was away', async () => {
    const { server, redis } = await setUp()
    const route = makeRoute()
    await server.kill()
    await waitUntil(realTime, () => !isWell(redis))
    const pushes = Array.from({ length: 100 }, () => redis.queue.push([makeHint(route)]))
    expect((await Promise.allSettled(pushes)).every(({ status }) => status === 'rejected')).toBe(true)
    await server.start()
    await waitUntil(realTime, () => isWell(redis))
    expect(await redis.queue.size(route)).toBe(0)
  })

  it('that is away at the start is no reason not to start', async () => {
    const server = await startRedisServer()
    onTestFinished(() => server.remove())
    await server.kill()
    const redis = await connectTo({ url: server.url })
    onTestFinished(() => redis.close())
    expect(redis.readHealth()).toMatchObject([
      { name: 'redis', ok: false, message: expect.stringContaining('REFUSED') },
    ])
    await expect(redis.queue.push([makeHint(makeRoute())])).rejects.toThrow(RedisUnavailableError)
    await expect(redis.signals.announce({ kind: 'cancel-requested', taskIds: [] })).resolves.toBeUndefined()
    await server.start()
    await waitUntil(realTime, () => isWell(redis))
    await expectToWork(redis)
  })

  it('that hangs fails pushes and waiting pulls in time, and is used again when it goes on', async () => {
    const { server, redis, ask } = await setUp()
    const route = makeRoute()
    const pulled = wait(redis.queue, [route]).catch((error: unknown) => error)
    await waitUntilBlocked(ask)
    server.signal('SIGSTOP')
    onTestFinished(() => server.signal('SIGCONT'))
    await expect(redis.queue.push([makeHint(route)])).rejects.toThrow(RedisUnavailableError)
    expect(await pulled).toBeInstanceOf(RedisUnavailableError)
    expect(isWell(redis)).toBe(false)
    server.signal('SIGCONT')
    await waitUntil(realTime, () => isWell(redis))
    await expectToWork(redis)
  })

  it('that loses everything, its scripts too, loses hints and nothing else', async () => {
    const { redis, ask } = await setUp()
    const [lost, kept] = [makeHint(makeRoute()), makeHint(makeRoute())]
    await redis.queue.push([lost])
    const pulled = wait(redis.queue, [kept.route])
    await waitUntilBlocked(ask)
    await ask.flushall()
    await ask.script('FLUSH')
    expect((await take(redis.queue, [lost.route])).taskIds).toEqual([])
    await redis.queue.push([kept])
    expect((await pulled).taskIds).toEqual([kept.taskId])
    await expectToWork(redis)
  })

  it('that kills every connection is connected to again, and its signals arrive', async () => {
    const { redis, ask } = await setUp()
    const received: Signal[] = []
    redis.signals.subscribe((signal) => received.push(signal))
    const pulled = wait(redis.queue, [makeRoute()]).catch((error: unknown) => error)
    await waitUntilBlocked(ask)
    const before = await listClients(ask, 'commands')
    for (const type of ['normal', 'pubsub']) await ask.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes')
    expect(await pulled).toBeInstanceOf(RedisUnavailableError)
    await waitUntil(realTime, async () => {
      const after = await listClients(ask, 'commands')
      return after.length === 1 && after[0]?.split(' ')[0] !== before[0]?.split(' ')[0] && isWell(redis)
    })
    await expectToWork(redis)
    await waitUntil(realTime, async () => (await listClients(ask, 'signals')).some((line) => line.includes(' sub=1 ')))
    const cancel = { kind: 'cancel-requested', taskIds: [mintTaskId()] } as const
    await redis.signals.announce(cancel)
    await waitUntil(realTime, () => received.length > 0)
    expect(received).toEqual([cancel])
  })

  it('that became read-only is left until it takes writes again', async () => {
    const { redis, ask } = await setUp()
    const other = await startRedisServer()
    onTestFinished(() => other.remove())
    const pulled = wait(redis.queue, [makeRoute()]).catch((error: unknown) => error)
    await waitUntilBlocked(ask)
    await ask.replicaof('127.0.0.1', String(other.port))
    expect(await pulled).toBeInstanceOf(RedisUnavailableError)
    await expect(redis.queue.push([makeHint(makeRoute())])).rejects.toThrow(/READONLY/)
    await waitUntil(realTime, () => !isWell(redis))
    await expect(take(redis.queue, [makeRoute()])).rejects.toThrow(RedisUnavailableError)
    await ask.replicaof('NO', 'ONE')
    await waitUntil(realTime, () => isWell(redis))
    await expectToWork(redis)
  })

  it('that has no memory left refuses pushes, says so, can be emptied, and counts as away when it is empty', async () => {
    const { redis, ask } = await setUp()
    const hint = makeHint(makeRoute())
    await redis.queue.push([hint])
    await ask.config('SET', 'maxmemory', '1')
    await expect(redis.queue.push([makeHint(hint.route)])).rejects.toThrow(/OOM/)
    await waitUntil(realTime, () => !isWell(redis))
    expect((await take(redis.queue, [hint.route])).taskIds).toEqual([hint.taskId])
    await expect(take(redis.queue, [hint.route])).rejects.toThrow(/OOM/)
    await ask.config('SET', 'maxmemory', '0')
    await waitUntil(realTime, () => isWell(redis))
    await expectToWork(redis)
  })

  it('that requires a password is given it, and counts as away when it is the wrong one', async () => {
    const server = await startRedisServer(['--requirepass', 'geheim'])
    onTestFinished(() => server.remove())
    const connectAs = async (password: string) => {
      const redis = await connectTo({ url: `redis://:${password}@127.0.0.1:${server.port}` })
      onTestFinished(() => redis.close())
      return redis
    }
    await expectToWork(await connectAs('geheim'))
    const [check] = (await connectAs('falsch')).readHealth()
    expect(check).toMatchObject({ ok: false, message: expect.stringContaining('WRONGPASS') })
    expect(check?.message).not.toMatch(/geheim|falsch/)
  })

  it('on whose channel other programs publish is read for signals only', async () => {
    const { redis, ask } = await setUp('fleet')
    const received: Signal[] = []
    redis.signals.subscribe((signal) => received.push(signal))
    const taskId = mintTaskId()
    const strange = ['', '{', 'null', '7', '{}', '{"kind":"other"}', '{"kind":"cancel-requested"}']
    for (const message of strange) await ask.publish('fleet:signals', message)
    const mixed = { kind: 'cancel-requested', taskIds: [1, 'x', taskId] }
    await ask.publish('fleet:signals', JSON.stringify(mixed))
    await waitUntil(realTime, () => received.length > 0)
    expect(received).toEqual([{ kind: 'cancel-requested', taskIds: [taskId] }])
  })
})
