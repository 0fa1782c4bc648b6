import { describe, inject } from 'vitest'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { hasRedisServer, startRedisServer, startSentinel } from '../support/redis-server.ts'
import { createRedisWorld } from '../support/redis-worlds.ts'
import { describeSignals } from './signals.ts'
import { describeTaskQueue } from './task-queue.ts'

const url = inject('redisUrl')
if (url !== null) {
  const setup = () => createRedisWorld(url)
  describeTaskQueue('Redis', setup)
  describeSignals('Redis', setup)
}

describe.runIf(hasRedisServer())('with servers of its own', () => {
  const setupCluster = async () => {
    const servers = await startRedisCluster(2)
    const [seed] = servers
    return createRedisWorld(seed?.url ?? '', async () => {
      await Promise.all(servers.map((server) => server.remove()))
    })
  }
  describeTaskQueue('Redis Cluster', setupCluster)
  describeSignals('Redis Cluster', setupCluster)

  const setupSentinel = async () => {
    const master = await startRedisServer()
    const sentinel = await startSentinel('fleet', master.port)
    return createRedisWorld(`redis+sentinel://127.0.0.1:${sentinel.port}/fleet`, async () => {
      await Promise.all([sentinel.remove(), master.remove()])
    })
  }
  describeTaskQueue('Redis behind Sentinel', setupSentinel)
  describeSignals('Redis behind Sentinel', setupSentinel)
})
