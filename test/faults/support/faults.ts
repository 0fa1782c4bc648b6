import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisServer } from '../../support/redis-server.ts'
import type { CutProxy } from './cut-proxy.ts'
import type { Dice } from './dice.ts'
import type { FleetNode } from './node.ts'
import type { OnPromoted, PostgresPair } from './postgres-pair.ts'

/** What faults strike. */
export interface Targets {
  readonly pair: PostgresPair
  readonly redis: RedisServer
  readonly redisProxy: CutProxy
  readonly nodes: readonly FleetNode[]
  readonly onPromoted: OnPromoted
}

/** Something that happens to a fleet. */
export interface Fault {
  readonly name: string
  /** How often it is chosen, beside the others. */
  readonly weight: number
  /** Resolves when it is over: what was killed is back, what was held goes on. */
  strike(targets: Targets, dice: Dice): Promise<void>
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const onNode = (
  name: string,
  role: string,
  weight: number,
  strike: (node: FleetNode, dice: Dice) => Promise<void>,
): Fault => ({
  name,
  weight,
  strike: ({ nodes }, dice) => strike(dice.pick(nodes.filter((node) => node.name.startsWith(role))), dice),
})

const kill = (node: FleetNode, dice: Dice): Promise<void> => node.kill(dice.between(0, 2_000))

/** Longer than a lease now and then: the process must notice that it was declared lost. */
const pause = (node: FleetNode, dice: Dice): Promise<void> => node.pause(dice.between(200, 8_000))

const onConnections = (name: string, proxyOf: (targets: Targets) => CutProxy): readonly Fault[] => [
  { name: `${name}: connections cut`, weight: 3, strike: async (targets) => proxyOf(targets).cut() },
  {
    name: `${name}: answers lost`,
    weight: 3,
    strike: async (targets) => {
      proxyOf(targets).loseNextAnswers()
      await sleep(300)
    },
  },
  {
    name: `${name}: away`,
    weight: 2,
    strike: async (targets, dice) => {
      proxyOf(targets).refuse()
      await sleep(dice.between(500, 8_000))
      proxyOf(targets).accept()
    },
  },
  {
    name: `${name}: silent`,
    weight: 2,
    strike: async (targets, dice) => {
      proxyOf(targets).hold()
      await sleep(dice.between(500, 8_000))
      proxyOf(targets).release()
    },
  },
]

/** A clock that is wrong for a while, and right again. */
const leap = (name: string, aheadMs: number, weight: number): Fault => ({
  name: `clock of the database: ${name}`,
  weight,
  strike: async ({ pair }, dice) => {
    await pair.setClock(aheadMs)
    await sleep(dice.between(3_000, 20_000))
    await pair.setClock(0)
  },
})

const faults: readonly Fault[] = [
  onNode('an API killed', 'api', 2, kill),
  onNode('a worker killed', 'worker', 4, kill),
  onNode('maintenance killed', 'maintenance', 1, kill),
  onNode('an API paused', 'api', 1, pause),
  onNode('a worker paused', 'worker', 2, pause),
  onNode('maintenance paused', 'maintenance', 1, pause),
  ...onConnections('database', ({ pair }) => pair.proxy),
  { name: 'database: crash', weight: 2, strike: ({ pair }, dice) => pair.crash(dice.between(0, 2_000)) },
  {
    name: 'database: follower promoted',
    weight: 1,
    strike: ({ pair, onPromoted }) => pair.promote(0, onPromoted),
  },
  {
    name: 'database: follower promoted, last commits lost',
    weight: 2,
    strike: ({ pair, onPromoted }, dice) => pair.promote(dice.between(200, 2_000), onPromoted),
  },
  leap('three hours back', -3 * hourMs, 2),
  leap('three hours ahead', 3 * hourMs, 2),
  leap('three days ahead', 3 * dayMs, 1),
  leap('forty-five days ahead', 45 * dayMs, 1),
  ...onConnections('queue', ({ redisProxy }) => redisProxy),
  {
    name: 'queue: emptied',
    weight: 2,
    strike: async ({ redis }) => {
      await redis.kill()
      await redis.start()
    },
  },
  {
    name: 'queue: silent for a pause of its process',
    weight: 1,
    strike: async ({ redis }, dice) => {
      redis.signal('SIGSTOP')
      await sleep(dice.between(200, 5_000))
      redis.signal('SIGCONT')
    },
  },
]

export const pickFault = (dice: Dice): Fault =>
  dice.pick(faults.flatMap((fault) => Array.from({ length: fault.weight }, () => fault)))
