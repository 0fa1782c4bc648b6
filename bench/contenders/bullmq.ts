import { Queue, Worker } from 'bullmq'
import type { Contender, Setup } from '../contender.ts'

const queueName = 'bench'
/** The fastest of 20 to 500, with little between them. */
const concurrency = 100

const toOptions = ({ redisUrl }: Setup) => {
  const { hostname, port } = new URL(redisUrl)
  return { connection: { host: hostname, port: Number(port), enableAutoPipelining: true } }
}

/** Auto-pipelining of ioredis saves it a tenth. Removing what is completed does not make it faster, so it keeps it. */
export const bullmq: Contender = {
  name: 'bullmq',
  kind: 'in memory',
  install: () => Promise.resolve(),
  openSubmitter: async (setup) => {
    const queue = new Queue(queueName, toOptions(setup))
    await queue.waitUntilReady()
    return {
      submit: async (payload) => void (await queue.add('task', payload)),
      submitMany: async (payloads) => void (await queue.addBulk(payloads.map((data) => ({ name: 'task', data })))),
      close: () => queue.close(),
    }
  },
  openWorker: async (setup, onTask) => {
    const run = async (job: { readonly data: unknown }) => onTask(job.data)
    const worker = new Worker(queueName, run, { ...toOptions(setup), concurrency, autorun: false })
    await worker.waitUntilReady()
    let running: Promise<void> | undefined
    return {
      start: () => {
        running = worker.run()
      },
      close: async () => {
        await worker.close()
        await running
      },
    }
  },
  openInspector: async (setup) => {
    const queue = new Queue(queueName, toOptions(setup))
    await queue.waitUntilReady()
    return {
      hasUnfinished: async () => {
        const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized', 'failed')
        return Object.values(counts).some((count) => count > 0)
      },
      close: () => queue.close(),
    }
  },
}
