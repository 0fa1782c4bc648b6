import { expect } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'
import { fold } from '#domain/task/evolve.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { toHead } from '#domain/task/head.ts'

interface Ports {
  readonly store: EventStore
  readonly index: TaskIndex
}

/** Expects the stored head of each task to equal the fold of its stream, and to be missing when the stream is empty. */
export const expectHeadsToEqualFolds = async (ports: Ports, taskIds: readonly TaskId[]): Promise<void> => {
  const heads = await ports.index.findHeads(taskIds)
  const { streams } = await ports.store.loadStreams(taskIds)
  for (const taskId of taskIds) {
    const content = streams.get(taskId)
    if (content?.kind === 'undecodable') throw content.error
    const state = fold(content?.events ?? [])
    expect(heads.get(taskId)).toEqual(state.status === 'NONE' ? undefined : toHead(state))
  }
}
