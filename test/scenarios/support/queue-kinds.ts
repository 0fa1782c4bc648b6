import { hasRedisServer, startRedisServer } from '../../support/redis-server.ts'
import { createFleet, type Fleet, quickLease } from './fleet.ts'

/** The queues that a fleet can have here, for scenarios that must come to the same with each. */
export const queueKinds: readonly ('Postgres' | 'Redis')[] = hasRedisServer() ? ['Postgres', 'Redis'] : ['Postgres']

/** A fleet with that queue; a Redis is its own, and goes with it. */
export const createFleetWith = async (kind: (typeof queueKinds)[number]): Promise<Fleet> => {
  if (kind === 'Postgres') return createFleet()
  const server = await startRedisServer()
  const fleet = await createFleet({ ...quickLease, REDIS_URL: server.url })
  return {
    ...fleet,
    close: async () => {
      await fleet.close()
      await server.remove()
    },
  }
}
