import type { MemoryDatabase, StoredEffect } from '#adapters/memory/database.ts'
import { fold } from '#domain/task/evolve.ts'
import { toHead } from '#domain/task/head.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { RecordedEvent } from '#domain/task/events.ts'

/** What a standby has that receives nothing from then on. */
export interface StandbyCopy {
  readonly streams: ReadonlyMap<TaskId, readonly RecordedEvent[]>
  readonly effects: ReadonlyMap<TaskId, ReadonlyMap<string, StoredEffect>>
}

export const keepCopy = ({ streams, effects }: MemoryDatabase): StandbyCopy => ({
  streams: new Map(streams),
  effects: new Map([...effects].map(([taskId, ofTask]) => [taskId, new Map(ofTask)])),
})

/**
 * Puts the copy in the place of the database: what was stored since is lost, acknowledged or not. The queue keeps its hints,
 * also those of what is lost.
 */
export const promote = (database: MemoryDatabase, copy: StandbyCopy): void => {
  for (const taskId of database.streams.keys()) {
    database.heads.delete(taskId)
    const stream = copy.streams.get(taskId)
    if (stream === undefined) {
      database.streams.delete(taskId)
      continue
    }
    database.streams.set(taskId, stream)
    const task = fold(stream)
    if (task.status !== 'NONE') database.heads.set(toHead(task))
  }
  database.effects.clear()
  for (const [taskId, effects] of copy.effects) database.effects.set(taskId, new Map(effects))
  database.exclusiveWork.clear()
}

/** What the first process to notice sees to: every incarnation of a worker ends. */
export const beginAnew = (database: MemoryDatabase): void => {
  for (const [incarnation, row] of database.workers) database.workers.set(incarnation, { ...row, state: 'ended' })
}
