import Queue from 'bee-queue'
import type { Contender, Setup } from '../contender.ts'

const queueName = 'bench'
/** The fastest of 20, 100 and 500. */
const concurrency = 500

/** No events and no table of jobs in memory: what its guide advises where nobody waits for results. */
const lean = { getEvents: false, sendEvents: false, storeJobs: false, activateDelayedJobs: false }

const openQueue = async ({ redisUrl }: Setup, isWorker: boolean) => {
  const { hostname, port } = new URL(redisUrl)
  const queue = new Queue(queueName, { ...lean, isWorker, redis: { host: hostname, port: Number(port) } })
  return await queue.ready()
}

/** Nothing durable, no history. */
export const beeQueue: Contender = {
  name: 'bee-queue',
  kind: 'in memory',
  install: () => Promise.resolve(),
  openSubmitter: async (setup) => {
    const queue = await openQueue(setup, false)
    return {
      submit: async (payload) => void (await queue.createJob(payload).save()),
      submitMany: async (payloads) => {
        const errors = await queue.saveAll(payloads.map((payload) => queue.createJob(payload)))
        if (errors.size > 0) throw new Error(`${errors.size} jobs were not saved`)
      },
      close: () => queue.close(),
    }
  },
  openWorker: async (setup, onTask) => {
    const queue = await openQueue(setup, true)
    return {
      start: () => queue.process(concurrency, async (job) => onTask(job.data)),
      close: () => queue.close(),
    }
  },
  openInspector: async (setup) => {
    const queue = await openQueue(setup, false)
    return {
      hasUnfinished: async () => {
        const { waiting, active, delayed, failed } = await queue.checkHealth()
        return waiting + active + delayed + failed > 0
      },
      close: () => queue.close(),
    }
  },
}
