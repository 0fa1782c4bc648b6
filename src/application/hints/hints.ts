import type { TaskQueue } from '../ports/queue/task-queue.ts'
import type { ReadyAnnouncer } from './announcer.ts'
import type { Lanes } from './lanes.ts'
import type { QueueDepth } from './queue-depth.ts'

/** The hints of one process: the queue that they are in, its lanes, the announcer that pushes them there, and how few are left. */
export interface Hints {
  readonly queue: TaskQueue
  readonly lanes: Lanes
  readonly queueDepth: QueueDepth
  readonly announcer: ReadyAnnouncer
}
