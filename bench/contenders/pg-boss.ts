import { PgBoss, type WorkOptions } from 'pg-boss'
import pg from 'pg'
import type { Contender, Setup } from '../contender.ts'

const queueName = 'bench'
/** A connection for each: more commits share a flush of the log. */
const submissionsInFlight = 64

/** NOTIFY wakes a worker at once, but is sent with every submission, one commit after the other. */
const usesNotify = ({ aim }: Setup) => aim === 'latency'

const startBoss = async (setup: Setup, max: number) => {
  const boss = new PgBoss({
    connectionString: setup.postgresUrl,
    max,
    useListenNotify: usesNotify(setup),
    supervise: false,
    schedule: false,
  })
  let closing = false
  // Its sessions end a little after its stop, when the database may already be gone.
  boss.on('error', (error) => closing || console.error(error))
  await boss.start()
  return {
    boss,
    close: () => {
      closing = true
      return boss.stop()
    },
  }
}

/** Whole batches, fetched without a pause for as long as they come full. */
const throughput: WorkOptions = {
  batchSize: 1_000,
  localConcurrency: 2,
  pollingIntervalSeconds: 0.5,
  burstWhenBatchFull: true,
}

/** Small batches by several fetchers, woken by NOTIFY. */
const latency: WorkOptions = { batchSize: 10, localConcurrency: 4, pollingIntervalSeconds: 0.5 }

export const pgBoss: Contender = {
  name: 'pg-boss',
  kind: 'durable',
  install: async (setup) => {
    const { boss, close } = await startBoss(setup, 2)
    await boss.createQueue(queueName, { notify: usesNotify(setup) })
    await close()
  },
  openSubmitter: async (setup) => {
    const { boss, close } = await startBoss(setup, submissionsInFlight)
    return {
      submit: async (payload) => void (await boss.send(queueName, payload)),
      submitMany: async (payloads) =>
        void (await boss.insert(
          queueName,
          payloads.map((data) => ({ data })),
        )),
      close,
    }
  },
  openWorker: async (setup, onTask) => {
    const { boss, close } = await startBoss(setup, 10)
    const options = setup.aim === 'latency' ? latency : throughput
    return {
      start: async () => {
        await boss.work(queueName, options, async (jobs: readonly { readonly data: unknown }[]) => {
          for (const job of jobs) onTask(job.data)
        })
      },
      close,
    }
  },
  openInspector: async ({ postgresUrl }) => {
    const pool = new pg.Pool({ connectionString: postgresUrl, max: 1 })
    return {
      hasUnfinished: async () => {
        const { rows } = await pool.query(`select 1 from pgboss.job where name = $1 and state <> 'completed' limit 1`, [
          queueName,
        ])
        return rows.length > 0
      },
      close: () => pool.end(),
    }
  },
}
