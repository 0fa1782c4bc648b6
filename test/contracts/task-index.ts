import { describe } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { describeHeadLists } from './task-index/head-lists.ts'
import { describeMending } from './task-index/repairing.ts'
import { describeQueueSummaries } from './task-index/queue-summaries.ts'

export interface TaskIndexWorld extends ContractWorld {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly routes: Routes
}

/** The contract of every TaskIndex. */
export const describeTaskIndex = (name: string, setup: Setup<TaskIndexWorld>): void => {
  describe(`the task index (${name})`, () => {
    const world = useWorld(setup)
    describeHeadLists(world)
    describeQueueSummaries(world)
    describeMending(world)
  })
}
