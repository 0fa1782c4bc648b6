import type { RedisServer } from '../../support/redis-server.ts'
import type { CutProxy } from './cut-proxy.ts'
import type { Dice } from './dice.ts'
import type { FleetNode } from './node.ts'
import type { OnPromoted, PostgresPair } from './postgres-pair.ts'

/** What faults strike. */
export interface Targets {
  readonly pair: PostgresPair
  readonly redis: RedisServer
  readonly nodes: readonly FleetNode[]
  readonly links: readonly Link[]
  readonly onPromoted: OnPromoted
  /** Submits a task whose handler keeps the event loop of its worker from coming round for that long. */
  blockWorker(ms: number): void
}

/** The ways of one process to the two servers. */
export interface Link {
  readonly node: string
  readonly database: CutProxy
  readonly queue: CutProxy
}

/** Something that happens to a fleet. */
export interface Fault {
  readonly name: string
  /** How often it is chosen, beside the others of its kind. */
  readonly weight: number
  /** Resolves when it is over: what was killed is back, what was held goes on. */
  strike(targets: Targets, dice: Dice): Promise<Strike>
}

/** `missed`: what the fault lay in wait for did not come. */
export type Strike = 'struck' | 'missed'

export const pickFault = (faults: readonly Fault[], dice: Dice): Fault =>
  dice.pick(faults.flatMap((fault) => Array.from({ length: fault.weight }, () => fault)))
