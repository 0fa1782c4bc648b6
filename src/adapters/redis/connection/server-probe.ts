import type { QueueServerProbe } from '#application/ports/diagnostics.ts'
import { withRedisDeadline } from './errors.ts'
import { openCluster, openSocket } from './open-connection.ts'
import { parseRedisUrl } from './redis-url.ts'
import { judgeServer, parseInfo, parseInfoFields } from './server-facts.ts'

const deadlineMs = 2_000

/** Asks the server that REDIS_URL leads to; in a Cluster any one of its nodes. Throws ConfigurationError for the URL. */
export const createRedisServerProbe = ({ url }: { readonly url: string }): QueueServerProbe => {
  const target = parseRedisUrl(url)
  return {
    readServer: async () => {
      const connection = await (target.kind === 'cluster' ? openCluster(target) : openSocket(target, 'commands'))
      try {
        const info = await withRedisDeadline(connection.info(), deadlineMs)
        const facts = parseInfo(info)
        const finding = judgeServer(facts)
        const fields = parseInfoFields(info)
        const bytesMax = Number(fields.get('maxmemory') ?? 0)
        return {
          product: `${facts.product} ${facts.version}`,
          fault: finding.kind === 'too-old' ? finding.message : undefined,
          role: fields.get('role') === 'slave' ? 'replica' : 'takes-writes',
          evictionPolicy: facts.evictionPolicy,
          usedBytes: Number(fields.get('used_memory') ?? 0),
          bytesMax: bytesMax === 0 ? undefined : bytesMax,
        }
      } finally {
        connection.disconnect()
      }
    },
  }
}
