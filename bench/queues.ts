import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createLogger } from '../src/adapters/telemetry/logger.ts'
import { readConfig, type Role } from '../src/bootstrap/config.ts'
import { type RunningRoles, startRoles } from '../src/bootstrap/start-roles.ts'
import { handle } from './contenders/taskfold-handle.ts'
import { taskType } from './contenders/taskfold-tasks.ts'
import { readProcessorTime, subtract } from './processor-time.ts'
import { type Servers, startServers } from './servers.ts'

const usage = `node queues.ts [options]: what many queues cost, beside four

  --tasks N      tasks of a drain (40000)
  --queues N     queues with work (10000), and ten times as many empty ones
  --only NAME    drain, idle or delay (all)
  --seconds N    how long the idle fleet and the newcomers are watched (10)
`

const options = parseArgs({
  options: {
    tasks: { type: 'string', default: '40000' },
    queues: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '10' },
    only: { type: 'string', default: 'drain,idle,delay' },
    help: { type: 'boolean', default: false },
  },
}).values

type Backend = 'postgres' | 'redis'

const handlers = new URL('./contenders/taskfold-tasks.ts', import.meta.url).pathname
const start = async (roles: readonly Role[], backend: Backend, url: string, servers: Servers) => {
  const config = readConfig(roles, {
    PORT: '0',
    DATABASE_URL: url,
    REDIS_URL: backend === 'redis' ? servers.redisUrl : undefined,
    HANDLERS: handlers,
    CONCURRENCY: '1000',
    LOG_LEVEL: 'error',
    NAMES_MAX: '1000000',
  })
  return startRoles(config, await createLogger({ level: config.logLevel, form: 'json' }))
}

const tasksPerCall = 500
const callsInFlight = 4

const submit = async ({ operations }: RunningRoles, tasks: number, queues: number): Promise<void> => {
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < tasks) {
      const first = begun
      begun += tasksPerCall
      const requests = Array.from({ length: Math.min(tasksPerCall, tasks - first) }, (_, place) => ({
        type: taskType,
        queue: `queue-${(first + place) % queues}`,
        payload: '{}',
      }))
      const outcomes = await operations.submitMany(requests, {})
      const refused = outcomes.find((outcome) => outcome.status === 'rejected')
      if (refused?.status === 'rejected') throw refused.reason
    }
  }
  await Promise.all(Array.from({ length: callsInFlight }, lane))
}

const finishDeadlineMs = 300_000

/** Tasks a second of one worker process that finds them all waiting. */
const drain = async (servers: Servers, backend: Backend, tasks: number, queues: number): Promise<number> => {
  const url = await servers.renew()
  let done = 0
  handle.run = async () => void (done += 1)
  const submitting = await start(['api'], backend, url, servers)
  await submit(submitting, tasks, queues)
  await submitting.close()
  await servers.execute('analyze')
  const startedAt = performance.now()
  const working = await start(['worker', 'maintenance'], backend, url, servers)
  const pulledAt = performance.now()
  while (done < tasks) {
    if (performance.now() - startedAt > finishDeadlineMs) throw new Error(`${done} of ${tasks} tasks were done in time`)
    await sleep(5)
  }
  const seconds = (performance.now() - pulledAt) / 1_000
  await working.close()
  return tasks / seconds
}

/** Milliseconds of processor time a second, of the servers and of this process, which has all roles, while nobody submits anything. */
const idle = async (servers: Servers, backend: Backend, queues: number, seconds: number): Promise<number> => {
  const url = await servers.renew()
  const roles = await start(['api', 'worker', 'maintenance'], backend, url, servers)
  await submit(roles, queues, queues)
  await waitUntilEmpty(roles)
  // What was written is no part of being idle.
  await servers.execute('vacuum analyze')
  await servers.execute('checkpoint')
  await sleep(settleMs)
  const before = readProcessorTime()
  const own = process.cpuUsage()
  await sleep(seconds * 1_000)
  const { postgres, redis } = subtract(readProcessorTime(), before)
  const { user, system } = process.cpuUsage(own)
  await roles.close()
  return (postgres + redis + user + system) / 1_000 / seconds
}

const settleMs = 3_000

const waitUntilEmpty = async ({ operations }: RunningRoles): Promise<void> => {
  for (const status of ['PENDING', 'PROCESSING'] as const) {
    while ((await operations.list({ status }, 1, undefined)).tasks.length > 0) await sleep(50)
  }
}

/** Milliseconds from the submission of an old queue's task to its handler, at the median, beside callers that name new queues. */
const delay = async (servers: Servers, backend: Backend, callers: number, seconds: number): Promise<number> => {
  const url = await servers.renew()
  const roles = await start(['api', 'worker', 'maintenance'], backend, url, servers)
  const delaysMs: number[] = []
  handle.run = async (payload) => {
    if (typeof payload === 'number') delaysMs.push(performance.now() - payload)
  }
  const endsAt = performance.now() + seconds * 1_000
  let named = 0
  const newcomer = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      named += 1
      await roles.operations.submit({ type: taskType, queue: `new-${named}`, payload: '"new"' }, {})
    }
  }
  const old = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      await roles.operations.submit({ type: taskType, queue: 'old', payload: `${performance.now()}` }, {})
      await sleep(20)
    }
  }
  await Promise.all([old(), ...Array.from({ length: callers }, newcomer)])
  await sleep(1_000)
  await roles.close()
  const sorted = delaysMs.toSorted((a, b) => a - b)
  console.error(`  ${named} new queues were named, ${sorted.length} tasks of the old one ran`)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const compare = async (servers: Servers, backend: Backend): Promise<void> => {
  const [tasks, queues, seconds] = [Number(options.tasks), Number(options.queues), Number(options.seconds)]
  const say = (what: string, value: number): void => console.log(`${backend}  ${what}  ${value.toFixed(1)}`)
  const wanted = options.only.split(',')
  if (wanted.includes('drain')) {
    for (const count of [4, queues]) {
      say(`drain of ${count} queues, tasks/s`, await drain(servers, backend, tasks, count))
    }
  }
  if (wanted.includes('idle')) {
    for (const count of [4, 10 * queues]) {
      const used = await idle(servers, backend, count, seconds)
      say(`idle with ${count} empty queues, ms of processor time a second`, used)
    }
  }
  if (wanted.includes('delay')) {
    for (const callers of [0, 16]) {
      const delayMs = await delay(servers, backend, callers, seconds)
      say(`delay of an old queue beside ${callers} callers that name new ones, ms`, delayMs)
    }
  }
}

const main = async (): Promise<void> => {
  if (options.help) return void process.stdout.write(usage)
  const servers = await startServers()
  try {
    for (const backend of ['postgres', 'redis'] as const) await compare(servers, backend)
  } finally {
    await servers.close()
  }
}

await main()
