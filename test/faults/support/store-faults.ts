import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisServer } from '../../support/redis-server.ts'
import type { Dice } from './dice.ts'
import type { Fault, Targets } from './faults.ts'
import { outages } from './link-faults.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const fault = (name: string, weight: number, strike: (targets: Targets, dice: Dice) => Promise<unknown>): Fault => ({
  name,
  weight,
  strike: async (targets, dice) => {
    await strike(targets, dice)
    return 'struck'
  },
})

/** A clock that is wrong for a while, and right again. */
const leap = (name: string, aheadMs: number, weight: number): Fault =>
  fault(`clock of the database ${name}`, weight, async ({ pair }, dice) => {
    await pair.setClock(aheadMs)
    await sleep(dice.between(2_000, 8_000))
    await pair.setClock(0)
  })

/** Shorter than the product waits for a row (20 ms at first, 5 s with patience), and longer. */
const lockHeads = async ({ pair }: Targets, dice: Dice): Promise<void> => {
  const seconds = dice.between(100, 3_000) / 1_000
  await pair.query(`begin; lock table taskfold.tasks in share row exclusive mode; select pg_sleep(${seconds}); commit`)
}

const databaseFaults: readonly Fault[] = [
  fault('database crashed', 3, ({ pair }, dice) => pair.crash(dice.between(0, 1_500))),
  fault('database: process of a session killed', 2, ({ pair }) => pair.killSession()),
  fault('database paused', 2, ({ pair }, dice) => pair.pause(dice.between(200, 7_000))),
  fault('database: disk full', 3, ({ pair }, dice) => pair.fillDisk(dice.between(500, 4_000))),
  fault('database: heads locked', 2, lockHeads),
  fault('database: all sessions ended', 2, ({ pair }) =>
    pair.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`),
  ),
  fault('follower promoted', 2, ({ pair, onPromoted }) => pair.promote(0, onPromoted)),
  fault('follower promoted, last commits lost', 3, ({ pair, onPromoted }, dice) =>
    pair.promote(dice.between(200, 2_000), onPromoted),
  ),
  leap('three hours back', -3 * hourMs, 2),
  leap('three hours ahead', 3 * hourMs, 2),
  leap('three days ahead', 3 * dayMs, 1),
  leap('forty-five days ahead', 45 * dayMs, 1),
]

/** Straight to the server, not by way of a proxy. */
const tell = async ({ port }: RedisServer, commands: readonly (readonly [string, ...string[]])[]): Promise<void> => {
  const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: 1, commandTimeout: 5_000 })
  client.on('error', () => {})
  try {
    for (const [word, ...words] of commands) await client.call(word, ...words)
  } finally {
    client.disconnect()
  }
}

type Commands = readonly (readonly [string, ...string[]])[]

/** A Redis that is told to be of no use, and some time later to be of use again. */
const reconfigured = (name: string, weight: number, begin: Commands, end: Commands): Fault =>
  fault(`queue ${name}`, weight, async ({ redis }, dice) => {
    await tell(redis, begin)
    await sleep(dice.between(300, 4_000))
    await tell(redis, end)
  })

const evicting: Commands = [
  ['config', 'set', 'maxmemory-policy', 'allkeys-random'],
  ['config', 'set', 'maxmemory', '1'],
]
const full: Commands = [
  ['config', 'set', 'maxmemory-policy', 'noeviction'],
  ['config', 'set', 'maxmemory', '1'],
]
const roomy: Commands = [
  ['config', 'set', 'maxmemory', '0'],
  ['config', 'set', 'maxmemory-policy', 'noeviction'],
]
/** Nobody listens on the discard port: the server follows a leader that it never reaches, and refuses to write. */
const readOnly: Commands = [['replicaof', '127.0.0.1', '9']]
const writable: Commands = [['replicaof', 'no', 'one']]

const queueFaults: readonly Fault[] = [
  fault('queue killed', 2, async ({ redis }, dice) => {
    await redis.kill()
    await sleep(dice.between(0, 2_000))
    await redis.start()
  }),
  fault('queue flushed', 2, ({ redis }) => tell(redis, [['flushall']])),
  fault('queue: scripts forgotten', 1, ({ redis }) => tell(redis, [['script', 'flush']])),
  fault('queue: all clients ended', 1, ({ redis }) => tell(redis, [['client', 'kill', 'type', 'normal']])),
  reconfigured('read-only', 2, readOnly, writable),
  reconfigured('evicts', 2, evicting, roomy),
  reconfigured('full', 2, full, roomy),
  fault('queue paused', 2, async ({ redis }, dice) => {
    redis.signal('SIGSTOP')
    await sleep(dice.between(200, 5_000))
    redis.signal('SIGCONT')
  }),
]

/** What befalls the two servers and all ways to them, one at a time. */
export const storeFaults: readonly Fault[] = [...databaseFaults, ...queueFaults, ...outages]
