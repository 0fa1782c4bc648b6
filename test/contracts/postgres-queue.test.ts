import { setTimeout as sleep } from 'node:timers/promises'
import { createPostgresExclusiveWork } from '#adapters/postgres/workers/exclusive-work.ts'
import { createPostgresSignals } from '#adapters/postgres/notifications/signals.ts'
import { createPostgresWorkerRegistry } from '#adapters/postgres/workers/worker-registry.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { createFleet, type FleetProcess } from '../adapters/postgres/support/fleet.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { describeExclusiveWork } from './exclusive-work.ts'
import { describeSignals } from './signals.ts'
import { describeTaskQueue } from './task-queue.ts'
import { describeWorkerRegistry } from './worker-registry.ts'
import { toAddress } from '../support/database-address.ts'

const queueIdsMax = 200

/** Two processes of a fleet, each with a pool and a listening connection of its own. */
const setup = async () => {
  const fleet = await createFleet()
  const [here, there] = [await fleet.startProcess(), await fleet.startProcess()]
  const queueOf = (process: FleetProcess) => process.createQueue({ queueIdsMax })
  const signalsOf = ({ pool, listener }: FleetProcess) =>
    createPostgresSignals({ pool, listener, logger: silentLogger })
  const [signals, signalsElsewhere] = [signalsOf(here), signalsOf(there)]
  return {
    clock: systemClock,
    queue: queueOf(here),
    queueElsewhere: queueOf(there),
    queueIdsMax,
    signals,
    signalsElsewhere,
    registry: createPostgresWorkerRegistry({
      pool: here.pool,
      address: toAddress(fleet.url),
      clock: systemClock,
      logger: silentLogger,
    }),
    exclusiveWork: createPostgresExclusiveWork({ pool: here.pool, clock: systemClock }),
    exclusiveWorkElsewhere: createPostgresExclusiveWork({ pool: there.pool, clock: systemClock }),
    advance: (ms: number): Promise<void> => sleep(ms),
    close: async () => {
      signals.close()
      signalsElsewhere.close()
      await fleet.close()
    },
  }
}

describeTaskQueue('Postgres', setup)
describeWorkerRegistry('Postgres', setup)
describeSignals('Postgres', setup)
describeExclusiveWork('Postgres', setup)
