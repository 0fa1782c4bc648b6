import { Redis } from 'ioredis'
import { type RedisServer, startRedisServer } from './redis-server.ts'

const slots = 16_384
const stepMs = 25
const stepsMax = 800

/** Starts a Cluster of `count` masters that share the slots evenly. Without the announced address clients would hang. */
export const startRedisCluster = async (count: number): Promise<readonly RedisServer[]> => {
  const settings = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-node-timeout', '2000']
  const servers = await Promise.all(Array.from({ length: count }, () => startRedisServer(settings)))
  const clients = servers.map(({ port }) => new Redis(port, '127.0.0.1'))
  try {
    for (const [place, client] of clients.entries()) {
      const first = Math.floor((place * slots) / count)
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, Math.floor(((place + 1) * slots) / count) - 1)
      for (const { port } of servers.slice(1)) await clients[0]?.cluster('MEET', '127.0.0.1', port)
    }
    for (let step = 0; step < stepsMax; step += 1) {
      const infos = await Promise.all(clients.map((client) => client.cluster('INFO')))
      const whole = infos.every((info) => info.includes('cluster_state:ok') && info.includes(`known_nodes:${count}\r`))
      if (whole) return servers
      await new Promise((resolve) => setTimeout(resolve, stepMs))
    }
    throw new Error('the Cluster did not come together')
  } finally {
    for (const client of clients) client.disconnect()
  }
}
