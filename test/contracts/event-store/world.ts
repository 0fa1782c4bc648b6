import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { ContractWorld } from '../../support/contract-world.ts'

export interface EventStoreWorld extends ContractWorld {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly routes: Routes
  /** Makes a stream undecodable without the store, as if a later release had appended to it. */
  damage(taskId: TaskId): Promise<void>
}
