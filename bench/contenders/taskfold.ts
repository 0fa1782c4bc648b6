import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createLogger } from '../../src/adapters/telemetry/logger.ts'
import { readConfig, type Role } from '../../src/bootstrap/config.ts'
import { startRoles } from '../../src/bootstrap/start-roles.ts'
import type { Contender, Payload, Setup } from '../contender.ts'
import { handle } from './taskfold-handle.ts'
import { taskType } from './taskfold-tasks.ts'

/** More slots, larger flushes; for handlers that do nothing, nothing speaks against it. pg-boss holds twice as many. */
const concurrency = { throughput: '1000', latency: '100' } as const
const handlers = fileURLToPath(new URL('./taskfold-tasks.ts', import.meta.url))

type Queue = 'postgres' | 'redis'

const start = async (queue: Queue, roles: readonly Role[], { postgresUrl, redisUrl, aim }: Setup) => {
  const config = readConfig(roles, {
    PORT: '0',
    DATABASE_URL: postgresUrl,
    REDIS_URL: queue === 'redis' ? redisUrl : undefined,
    HANDLERS: handlers,
    CONCURRENCY: concurrency[aim],
    LOG_LEVEL: 'warn',
  })
  return startRoles(config, await createLogger({ level: config.logLevel, form: 'json' }))
}

const openWorker = async (queue: Queue, setup: Setup, onTask: (payload: unknown) => void) => {
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
  // A worker pulls as soon as it is connected. What it takes before the start is counted, and held here.
  handle.run = (payload) => {
    onTask(payload)
    return gate
  }
  const roles = await start(queue, ['worker'], setup)
  return {
    start: () => {
      handle.run = async (payload) => onTask(payload)
      openGate()
    },
    close: () => roles.close(),
  }
}

const toRequest = (payload: Payload) => ({ type: taskType, payload: JSON.stringify(payload) })

/** The whole product: full history, heads, recovery; durable before a submission is acknowledged. */
const createContender = (queue: Queue): Contender => ({
  name: `taskfold-${queue}`,
  kind: 'durable',
  install: async (setup) => (await start(queue, ['maintenance'], setup)).close(),
  openSubmitter: async (setup) => {
    const roles = await start(queue, ['api'], setup)
    return {
      submit: async (payload) => void (await roles.operations.submit(toRequest(payload), {})),
      submitMany: async (payloads) => {
        const results = await roles.operations.submitMany(payloads.map(toRequest), {})
        if (results.some(({ status }) => status === 'rejected')) throw new Error('a task was not stored')
      },
      close: () => roles.close(),
    }
  },
  openWorker: (setup, onTask) => openWorker(queue, setup, onTask),
  openInspector: async ({ postgresUrl }) => {
    const pool = new pg.Pool({ connectionString: postgresUrl, max: 1 })
    return {
      hasUnfinished: async () => {
        const { rows } = await pool.query(`select 1 from taskfold.tasks where status <> 'SUCCESS' limit 1`)
        return rows.length > 0
      },
      close: () => pool.end(),
    }
  },
})

export const taskfoldPostgres = createContender('postgres')
export const taskfoldRedis = createContender('redis')
