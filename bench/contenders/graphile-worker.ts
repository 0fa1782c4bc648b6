import { type AddJobsJobSpec, Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker'
import pg from 'pg'
import type { Contender, Setup } from '../contender.ts'

const identifier = 'bench'
/** A connection for each: more commits share a flush of the log. */
const submissionsInFlight = 64
const logger = new Logger(() => () => {})

/** What its page on performance gives as the settings of its own figures. */
const throughput = { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }

/** The same without the local queue, which the page says costs latency. */
const latency = { concurrentJobs: 24, completeJobBatchDelay: 0, failJobBatchDelay: 0 }

const openPool = async ({ postgresUrl }: Setup, max: number) => {
  const pool = new pg.Pool({ connectionString: postgresUrl, max })
  // It warns of a pool whose errors nobody hears; one that matters fails a query too.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()))
  for (const client of clients) client.release()
  return pool
}

export const graphileWorker: Contender = {
  name: 'graphile-worker',
  kind: 'durable',
  install: ({ postgresUrl }) => runMigrations({ connectionString: postgresUrl, logger }),
  openSubmitter: async (setup) => {
    const pgPool = await openPool(setup, submissionsInFlight)
    const utils = await makeWorkerUtils({ pgPool, logger })
    return {
      submit: async (payload) => void (await utils.addJob(identifier, payload)),
      submitMany: async (payloads) => {
        const specs: readonly AddJobsJobSpec[] = payloads.map((payload) => ({ identifier, payload }))
        await utils.addJobs(specs)
      },
      close: async () => {
        await utils.release()
        await pgPool.end()
      },
    }
  },
  openWorker: async (setup, onTask) => {
    const pgPool = await openPool(setup, 25)
    const taskList = { [identifier]: async (payload: unknown) => onTask(payload) }
    const worker = { ...(setup.aim === 'latency' ? latency : throughput), logger }
    let stop = (): Promise<void> => Promise.resolve()
    return {
      start: async () => {
        const runner = await run({ pgPool, taskList, noHandleSignals: true, crontab: '', preset: { worker } })
        stop = () => runner.stop()
      },
      close: async () => {
        await stop()
        await pgPool.end()
      },
    }
  },
  openInspector: async (setup) => {
    const pool = await openPool(setup, 1)
    return {
      hasUnfinished: async () => {
        const { rows } = await pool.query('select 1 from graphile_worker._private_jobs limit 1')
        return rows.length > 0
      },
      close: () => pool.end(),
    }
  },
}
