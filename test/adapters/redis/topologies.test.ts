import { describe, expect, it, onTestFinished } from 'vitest'
import type { Route } from '#domain/route.ts'
import { waitUntil } from '../../support/contract-world.ts'
import { startRedisCluster } from '../../support/redis-cluster.ts'
import { hasRedisServer, startRedisServer, startSentinel } from '../../support/redis-server.ts'
import { connectTo } from '../../support/redis-worlds.ts'
import { makeRoute, range } from '../../support/task-builders.ts'
import { listClients, openConsole } from './support/clients.ts'
import { startForwarder } from './support/forwarder.ts'
import { makeHint, realTime, take, wait } from './support/hints.ts'

const startCluster = async (count: number) => {
  const servers = await startRedisCluster(count)
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.remove()))
  })
  return servers
}

const connect = async (url: string) => {
  const redis = await connectTo({ url })
  onTestFinished(() => redis.close())
  return redis
}

const isWell = ({ readHealth }: Awaited<ReturnType<typeof connect>>): boolean => readHealth().every(({ ok }) => ok)

/** Routes of as many queues, and so of several slots. */
const makeRoutes = (count: number): readonly Route[] => range(count).map(makeRoute)

describe.runIf(hasRedisServer())('a Cluster', () => {
  it.each(['redis://', 'redis+cluster://'])('is found behind %s and serves all its slots', async (scheme) => {
    const servers = await startCluster(2)
    const redis = await connect(`${scheme}127.0.0.1:${servers[0]?.port}`)
    const routes = makeRoutes(64)
    const hints = routes.map((route, rank) => makeHint(route, rank))
    await redis.queue.push(hints.toReversed())
    const sizes = await Promise.all(servers.map((server) => openConsole(server).dbsize()))
    const pulled = await take(redis.queue, routes)
    expect(sizes.every((size) => size > 1)).toBe(true)
    expect(pulled).toEqual({ taskIds: hints.map(({ taskId }) => taskId), left: 0 })
  })

  it('lets a pull wait for queues on all its nodes, on one connection each, and take no more than it asked for', async () => {
    const servers = await startCluster(2)
    const redis = await connect(`redis://127.0.0.1:${servers[0]?.port}`)
    const consoles = servers.map(openConsole)
    const routes = makeRoutes(8)
    const pulled = wait(redis.queue, routes, 3)
    await waitUntil(realTime, async () => {
      const lines = (await Promise.all(consoles.map((ask) => listClients(ask, 'waits')))).flat()
      return lines.filter((line) => line.includes(' cmd=bzmpop ')).length === routes.length
    })
    const hints = routes.flatMap((route) => range(3).map((rank) => makeHint(route, rank)))
    await redis.queue.push(hints)
    const first = (await pulled).taskIds
    const rest = await take(redis.queue, routes)
    expect(first.length).toBeGreaterThan(0)
    expect(first.length).toBeLessThanOrEqual(3)
    expect([...first, ...rest.taskIds].toSorted()).toEqual(hints.map(({ taskId }) => taskId).toSorted())
  })

  it('that lost a node is whole again when the node is back', async () => {
    const servers = await startCluster(2)
    const redis = await connect(`redis+cluster://127.0.0.1:${servers[0]?.port},127.0.0.1:${servers[1]?.port}`)
    const hints = makeRoutes(16).map((route) => makeHint(route))
    await servers[1]?.kill()
    const pushes = await Promise.allSettled(hints.map((hint) => redis.queue.push([hint])))
    expect(pushes.some(({ status }) => status === 'rejected')).toBe(true)
    await servers[1]?.start()
    await waitUntil(realTime, () =>
      redis.queue.push(hints).then(
        () => true,
        () => false,
      ),
    )
    const pulled = await Promise.all(hints.map(({ route }) => take(redis.queue, [route])))
    expect(pulled.map(({ taskIds }) => taskIds)).toEqual(hints.map(({ taskId }) => [taskId]))
  })

  it('may move a slot, and hints go on to be taken where they are', async () => {
    const servers = await startCluster(2)
    const redis = await connect(`redis://127.0.0.1:${servers[0]?.port}`)
    const consoles = servers.map(openConsole)
    const route = makeRoute()
    const pulled = wait(redis.queue, [route])
    await waitUntil(realTime, async () => {
      const lines = (await Promise.all(consoles.map((ask) => listClients(ask, 'waits')))).flat()
      return lines.some((line) => line.includes(' cmd=bzmpop '))
    })
    const slot = Number(await consoles[0]?.cluster('KEYSLOT', `{${route.queue}}`))
    const [from, to] = slot < 8_192 ? consoles : consoles.toReversed()
    const target = String(await to?.call('CLUSTER', 'MYID'))
    for (const ask of [to, from]) await ask?.call('CLUSTER', 'SETSLOT', slot, 'NODE', target)
    const hint = makeHint(route)
    await redis.queue.push([hint])
    const early = await pulled.catch(() => undefined)
    const late = early?.taskIds.length === 1 ? early : await wait(redis.queue, [route])
    expect(late.taskIds).toEqual([hint.taskId])
  })
})

describe.runIf(hasRedisServer())('a master that its Sentinel replaces', () => {
  it('is left for the new one, on which pushes, pulls and waiting go on', { timeout: 60_000 }, async () => {
    const master = await startRedisServer()
    onTestFinished(() => master.remove())
    const replica = await startRedisServer(['--replicaof', `127.0.0.1 ${master.port}`])
    onTestFinished(() => replica.remove())
    const sentinel = await startSentinel('fleet', master.port)
    onTestFinished(() => sentinel.remove())
    const redis = await connect(`redis+sentinel://127.0.0.1:${sentinel.port}/fleet`)
    expect(isWell(redis)).toBe(true)
    const watch = openConsole(sentinel)
    await waitUntil(realTime, async () => {
      const replicas = await watch.call('SENTINEL', 'REPLICAS', 'fleet')
      return JSON.stringify(replicas).includes('"master-link-status","ok"')
    })
    await master.kill()
    await waitUntil(realTime, () => !isWell(redis))
    const promoted = openConsole(replica)
    for (let tries = 0; tries < 3 && !isWell(redis); tries += 1)
      await waitUntil(realTime, () => isWell(redis)).catch(() => {})
    expect(await promoted.role()).toContain('master')
    const hint = makeHint(makeRoute())
    const pulled = wait(redis.queue, [hint.route])
    await waitUntil(realTime, async () => (await listClients(promoted, 'waits')).length === 1)
    await redis.queue.push([hint])
    expect((await pulled).taskIds).toEqual([hint.taskId])
  })
})

describe.runIf(hasRedisServer())('a server that another one replaces at the same address', () => {
  it('is left by waiting pulls and by signals as well, although it still answers them', async () => {
    const [old, next] = [await startRedisServer(), await startRedisServer()]
    onTestFinished(async () => {
      await Promise.all([old.remove(), next.remove()])
    })
    const forwarder = await startForwarder(old.port)
    const redis = await connect(forwarder.url)
    const [oldConsole, nextConsole] = [openConsole(old), openConsole(next)]
    const [before, after] = [makeHint(makeRoute()), makeHint(makeRoute())]
    const pulledBefore = wait(redis.queue, [before.route])
    await waitUntil(realTime, async () => (await listClients(oldConsole, 'waits')).length === 1)
    await redis.queue.push([before])
    expect((await pulledBefore).taskIds).toEqual([before.taskId])
    forwarder.switchTo(next.port)
    const [line = ''] = await listClients(oldConsole, 'commands')
    await oldConsole.call('CLIENT', 'KILL', 'ID', /^id=(\d+)/.exec(line)?.[1] ?? '')
    await waitUntil(realTime, async () => (await listClients(nextConsole, 'commands')).length === 1 && isWell(redis))
    const pulledAfter = wait(redis.queue, [after.route])
    await waitUntil(realTime, async () =>
      (await listClients(nextConsole, 'waits')).some((client) => client.includes(' cmd=bzmpop ')),
    )
    await redis.queue.push([after])
    expect((await pulledAfter).taskIds).toEqual([after.taskId])
    await waitUntil(realTime, async () => (await listClients(nextConsole, 'signals')).length === 1)
    await waitUntil(realTime, async () => (await listClients(oldConsole, 'signals')).length === 0)
  })
})
