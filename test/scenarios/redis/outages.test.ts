import { afterEach, describe, expect, it } from 'vitest'
import { openConsole } from '../../adapters/redis/support/clients.ts'
import { startForwarder } from '../../adapters/redis/support/forwarder.ts'
import { hasRedisServer, type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { submitMany, until } from '../support/http.ts'
import { runDrill } from './support/drill.ts'
import { type RedisFleet, startRedisFleet } from './support/redis-fleet.ts'

const taskCount = Number(process.env['SCENARIO_TASKS'] ?? 2_000)

const servers: RedisServer[] = []
let redisFleet: RedisFleet | undefined
afterEach(async () => {
  await redisFleet?.close()
  redisFleet = undefined
  for (const server of servers.splice(0)) await server.remove()
})

const startRedis = async (...settings: readonly string[]): Promise<RedisServer> => {
  const server = await startRedisServer(settings)
  servers.push(server)
  return server
}

const timeout = 300_000

/** Far fewer than the hints of a run need, and too few for the connections of workers as well. */
const evictAtBytes = 60_000

describe.runIf(hasRedisServer())('a Redis that is killed under load', () => {
  it.each([
    ['without persistence', []],
    ['with persistence', ['--appendonly', 'yes', '--appendfsync', 'everysec']],
  ])('%s loses no task and costs no attempt', { timeout }, async (name, settings) => {
    const server = await startRedis(...settings)
    redisFleet = await startRedisFleet({ redisUrl: server.url })
    await runDrill({ name: `killed ${name}`, redisFleet, hurt: () => server.kill(), heal: () => server.start() })
    for (const { logs } of redisFleet.workers) {
      expect(logs.some((line) => line.includes('the queue did not answer: due tasks were taken from the store'))).toBe(
        true,
      )
      expect(logs.some((line) => line.includes('the queue answered again'))).toBe(true)
    }
  })
})

describe.runIf(hasRedisServer())('workers without their Redis', () => {
  it('run what is due from the store, and go back to the queue', { timeout }, async () => {
    const server = await startRedis()
    redisFleet = await startRedisFleet({ redisUrl: server.url })
    const { apis, workers, watch } = redisFleet
    const endAll = async (name: string, from: number): Promise<void> => {
      const beganAtMs = performance.now()
      const submission = () => ({ type: 'demo.echo', payload: null })
      await Promise.all(apis.map(({ url }) => submitMany(url, taskCount / 2, submission)))
      const ended = async () => ((await watch.countEnded()) === from + taskCount ? 'yes' : undefined)
      await until('the end of all', ended, 120_000)
      const rate = (taskCount * 1_000) / (performance.now() - beganAtMs)
      process.stdout.write(`${taskCount} tasks ${name}: ${Math.round(rate)} a second, submissions included\n`)
    }
    await endAll('with Redis', 0)
    await server.kill()
    await endAll('without Redis', taskCount)
    await server.start()
    const back = () => workers.every(({ logs }) => logs.some((line) => line.includes('the queue answered again')))
    await until('the queue', async () => (back() ? 'yes' : undefined))
    await endAll('with Redis again', 2 * taskCount)
  })
})

describe.runIf(hasRedisServer())('a Redis that another one replaces', () => {
  it('may be replaced by an empty one', { timeout }, async () => {
    const [old, empty] = [await startRedis(), await startRedis()]
    const forwarder = await startForwarder(old.port)
    redisFleet = await startRedisFleet({ redisUrl: forwarder.url })
    const hurt = async (): Promise<void> => {
      forwarder.switchTo(empty.port)
      await old.kill()
    }
    await runDrill({ name: 'replaced by an empty one', redisFleet, hurt })
  })

  it('may be replaced by an old copy that is full of tasks which have ended', { timeout }, async () => {
    const [old, copy] = [await startRedis(), await startRedis()]
    const forwarder = await startForwarder(old.port)
    redisFleet = await startRedisFleet({ redisUrl: forwarder.url, workers: 0 })
    const { apis, startWorker } = redisFleet
    const waiting = await submitMany(apis[0].url, taskCount, () => ({ type: 'demo.echo', payload: null }))
    const [ask, askCopy] = [openConsole(old), openConsole(copy)]
    const held = async () => Number((await ask.dbsize()) > 0 && (await ask.zcard('taskfold:{*}:demo.echo')))
    await until('all hints', async () => ((await held()) === waiting.length ? 'yes' : undefined))
    await askCopy.replicaof('127.0.0.1', String(old.port))
    await until('the copy', async () =>
      (await askCopy.zcard('taskfold:{*}:demo.echo')) === waiting.length ? 'yes' : undefined,
    )
    await askCopy.replicaof('NO', 'ONE')
    const workers = await Promise.all([1, 2, 3].map(() => startWorker({ LOG_LEVEL: 'debug' })))
    const { watch } = redisFleet
    await until(
      'the end of what waited',
      async () => ((await watch.countEnded()) === taskCount ? 'yes' : undefined),
      60_000,
    )

    const hurt = async (): Promise<void> => {
      forwarder.switchTo(copy.port)
      await old.kill()
    }
    await runDrill({
      name: 'replaced by an old copy',
      redisFleet: { ...redisFleet, workers },
      hurt,
      tasksSoFar: taskCount,
    })
  })
})

describe.runIf(hasRedisServer())('a Redis that turns read-only', () => {
  it('loses no task and costs no attempt', { timeout }, async () => {
    const [server, other] = [await startRedis(), await startRedis()]
    const ask = openConsole(server)
    redisFleet = await startRedisFleet({ redisUrl: server.url })
    await runDrill({
      name: 'read-only',
      redisFleet,
      hurt: () => ask.replicaof('127.0.0.1', String(other.port)),
      heal: () => ask.replicaof('NO', 'ONE'),
    })
  })
})

describe.runIf(hasRedisServer())('a Redis that evicts keys when its memory is full', () => {
  it('loses no task and costs no attempt, and the start warns of it', { timeout }, async () => {
    const server = await startRedis('--maxmemory-policy', 'allkeys-lru')
    const ask = openConsole(server)
    redisFleet = await startRedisFleet({ redisUrl: server.url, workers: 0 })
    const { apis, startWorker, watch } = redisFleet
    const used = Number(/used_memory:(\d+)/.exec(await ask.info('memory'))?.[1])
    await ask.config('SET', 'maxmemory', String(used + evictAtBytes))
    await submitMany(apis[0].url, taskCount, () => ({ type: 'demo.echo', payload: null }))
    await until('an eviction', async () => {
      const evicted = Number(/evicted_keys:(\d+)/.exec(await ask.info('stats'))?.[1])
      return evicted > 0 ? evicted : undefined
    })
    const startedAtMs = performance.now()
    const workers = await Promise.all([1, 2, 3].map(() => startWorker()))
    await until(
      'the end of what waited',
      async () => ((await watch.countEnded()) === taskCount ? 'yes' : undefined),
      60_000,
    )
    process.stdout.write(
      `${taskCount} tasks ended ${Math.round(performance.now() - startedAtMs)} ms after the start of workers\n`,
    )
    for (const { logs } of [...apis, ...workers]) {
      expect(logs.some((line) => line.includes('maxmemory-policy is allkeys-lru'))).toBe(true)
    }
    await ask.config('SET', 'maxmemory', '0')
    await runDrill({
      name: 'out of memory',
      redisFleet: { ...redisFleet, workers },
      hurt: () => ask.config('SET', 'maxmemory', '1'),
      heal: () => ask.config('SET', 'maxmemory', '0'),
      tasksSoFar: taskCount,
    })
  })
})
