import { describe } from 'vitest'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { describeHints } from './task-queue/hints.ts'
import { describeWaiting } from './task-queue/waiting.ts'

export interface TaskQueueWorld extends ContractWorld {
  readonly queue: TaskQueue
  /** The same hints through another process of the fleet. */
  readonly queueElsewhere: TaskQueue
  /** How many ids a route holds in this world: at least 200, and few enough for a test to go beyond it. */
  readonly queueIdsMax: number
}

/** What every TaskQueue does while its store is there: more than the port promises, which allows that hints are lost. */
export const describeTaskQueue = (name: string, setup: Setup<TaskQueueWorld>): void => {
  describe(`the task queue (${name})`, () => {
    const world = useWorld(setup)
    describeHints(world)
    describeWaiting(world)
  })
}
