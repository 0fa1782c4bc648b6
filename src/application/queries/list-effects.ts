import type { TaskId } from '#domain/identifiers.ts'
import type { Effect, EffectRecords } from '../ports/ledger/idempotency-ledger.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'

interface Deps {
  readonly index: Pick<TaskIndex, 'findHeads'>
  readonly ledger: Pick<EffectRecords, 'list'>
}

/** The effects of a task in the order they were first begun; undefined when there is no task. Throws StoreUnavailableError. */
export const listEffects = async (deps: Deps, taskId: TaskId): Promise<readonly Effect[] | undefined> => {
  const effects = await deps.ledger.list(taskId)
  // No effects: either a task without any, as most are, or no task.
  if (effects.length > 0) return effects
  return (await deps.index.findHeads([taskId])).has(taskId) ? [] : undefined
}
