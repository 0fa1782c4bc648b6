import { afterEach, describe, expect, it } from 'vitest'
import { openConsole } from '../../adapters/redis/support/clients.ts'
import { moveSlots } from '../../support/move-slots.ts'
import { startRedisCluster } from '../../support/redis-cluster.ts'
import { hasRedisServer, type RedisServer, startRedisServer, startSentinel } from '../../support/redis-server.ts'
import { range } from '../../support/task-builders.ts'
import { until } from '../support/http.ts'
import { runDrill } from './support/drill.ts'
import { type RedisFleet, startRedisFleet } from './support/redis-fleet.ts'

const servers: RedisServer[] = []
let redisFleet: RedisFleet | undefined
afterEach(async () => {
  await redisFleet?.close()
  redisFleet = undefined
  for (const server of servers.splice(0)) await server.remove()
})

const own = (server: RedisServer): RedisServer => {
  servers.push(server)
  return server
}

const timeout = 300_000

describe.runIf(hasRedisServer())('a master that is killed beside three Sentinels', () => {
  it('is replaced by its replica, and no task is lost nor an attempt spent', { timeout }, async () => {
    const master = own(await startRedisServer())
    const replica = own(await startRedisServer(['--replicaof', `127.0.0.1 ${master.port}`]))
    const sentinels = await Promise.all([1, 2, 3].map(async () => own(await startSentinel('fleet', master.port, 2))))
    const [first] = sentinels
    if (first === undefined) throw new Error('there is no Sentinel')
    const watch = openConsole(first)
    await until('three Sentinels that know one another and the replica', async () => {
      const others = JSON.stringify(await watch.call('SENTINEL', 'SENTINELS', 'fleet'))
      const replicas = JSON.stringify(await watch.call('SENTINEL', 'REPLICAS', 'fleet'))
      const known = others.split('"runid"').length - 1 === 2 && replicas.includes('"master-link-status","ok"')
      return known ? 'yes' : undefined
    })
    const places = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
    redisFleet = await startRedisFleet({ redisUrl: `redis+sentinel://${places}/fleet` })
    const promoted = openConsole(replica)
    await runDrill({
      name: 'Sentinel failover',
      redisFleet,
      hurt: () => master.kill(),
      heal: () =>
        until('a promotion', async () =>
          JSON.stringify(await promoted.role()).includes('master') ? 'yes' : undefined,
        ),
    })
    expect(JSON.stringify(await watch.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'fleet'))).toContain(
      `${replica.port}`,
    )
  })
})

/** As many queues as lie on every master. */
const queues = range(12).map((place) => `queue-${place}`)
const slotsMoved = Number(process.env['SCENARIO_SLOTS'] ?? 64)

describe.runIf(hasRedisServer())('a Cluster of three masters', () => {
  it('may move a range of slots under load, and no task is lost nor an attempt spent', { timeout }, async () => {
    const masters = await startRedisCluster(3)
    servers.push(...masters)
    // Queues that workers name have keys of their own, which spread over the masters.
    const env = { QUEUES: queues.join() }
    redisFleet = await startRedisFleet({ redisUrl: `redis://127.0.0.1:${masters[0]?.port}`, env })
    const [from, to] = masters.map(({ port }) => ({ port, ask: openConsole({ port }) }))
    if (from === undefined || to === undefined) throw new Error('the Cluster has no masters')
    const ours = await Promise.all(queues.map(async (queue) => Number(await from.ask.cluster('KEYSLOT', `{${queue}}`))))
    const slot = ours.find((each) => each < 16_384 / 3)
    if (slot === undefined) throw new Error('no queue lies on the first master')
    const first = Math.max(0, slot - Math.floor(slotsMoved / 2))
    const hurt = (): Promise<void> =>
      moveSlots(
        range(slotsMoved).map((place) => first + place),
        from,
        to,
      )
    const submission = (index: number) => ({ type: 'demo.echo', payload: null, queue: queues[index % queues.length] })
    await runDrill({ name: `Cluster, ${slotsMoved} slots moved`, redisFleet, hurt, submission })
    // A node that does not own the slot says where it went instead.
    const queue = queues[ours.indexOf(slot)]
    expect(await to.ask.zcard(`taskfold:{${queue}}:demo.echo`)).toBe(0)
    await expect(from.ask.zcard(`taskfold:{${queue}}:demo.echo`)).rejects.toThrow(`MOVED ${slot}`)
  })
})
