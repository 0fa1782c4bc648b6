import type { HeldEffect } from '#application/ports/ledger/idempotency-ledger.ts'
import type { AppendId, Run, TaskId } from '#domain/identifiers.ts'
import type { MemoryDatabase, StoredEffect } from '../database.ts'

/** The effects of a memory database beside its heads. */
export interface EffectTable {
  find(taskId: TaskId, name: string): StoredEffect | undefined
  /** Finds an effect that this run was the last to claim. */
  findHeld(held: HeldEffect): StoredEffect | undefined
  put(taskId: TaskId, effect: StoredEffect): void
  /** Whether the head names that run as in force. */
  isInForce(taskId: TaskId, run: BegunRun): boolean
}

interface BegunRun {
  readonly run?: Run | undefined
  readonly claim?: AppendId | undefined
}

export const createEffectTable = (database: Pick<MemoryDatabase, 'effects' | 'heads'>): EffectTable => {
  const find: EffectTable['find'] = (taskId, name) => database.effects.get(taskId)?.get(name)
  return {
    find,
    findHeld: (held) => {
      const found = find(held.taskId, held.name)
      return found !== undefined && isSameRun(found, held) ? found : undefined
    },
    put: (taskId, effect) => {
      const ofTask = database.effects.get(taskId) ?? new Map<string, StoredEffect>()
      database.effects.set(taskId, ofTask.set(effect.name, effect))
    },
    isInForce: (taskId, run) => {
      const head = database.heads.find(taskId)
      return head !== undefined && isSameRun(head, run)
    },
  }
}

export const isSameRun = (one: BegunRun, other: BegunRun): boolean => one.run === other.run && one.claim === other.claim
