import type { Signal } from '#application/ports/queue/signals.ts'
import type { DatabaseServer } from '../server/database-server.ts'
import type { OutsideWorld } from '../server/outside-world.ts'
import type { QueueServer } from '../server/queue-server.ts'
import type { Judge } from '../judge/judge.ts'
import type { Host } from '../world/host.ts'
import type { Network } from '../world/network.ts'
import type { World } from '../world/world.ts'

/** What all processes of one course reach. */
export interface Course {
  readonly world: World
  readonly network: Network
  readonly database: DatabaseServer
  readonly queue: QueueServer
  readonly outside: OutsideWorld
  readonly judge: Judge
  /** Whoever listens to signals, and in which process. */
  readonly listeners: Set<{ readonly host: Host; readonly listener: (signal: Signal) => void }>
}
