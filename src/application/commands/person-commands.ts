import type { TaskId } from '#domain/identifiers.ts'
import type { EventContext } from '#domain/task/events.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import type { Signals } from '../ports/queue/signals.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import { type ChangeOutcome, type ChangeRequest, changeTask } from './change-task.ts'

export interface PersonCommandDeps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly identities: Identities
  readonly count: Count
  readonly announcer: ReadyAnnouncer
  readonly signals: Signals
}

export interface PersonRequest {
  readonly taskId: TaskId
  readonly context: EventContext
  /** When given, the task is changed only at this version. */
  readonly ifVersion?: number
}

/** Opens a FAILED or CANCELLED task again with fresh attempts. Throws as `changeTask` does. */
export const retryTask = async (deps: PersonCommandDeps, request: PersonRequest): Promise<ChangeOutcome> =>
  announceChanged(deps, await change(deps, request, () => ({ type: 'Reopen' })))

/** Makes a pending task due at once; appends nothing when it already is. Throws as `changeTask` does. */
export const runTaskNow = async (deps: PersonCommandDeps, request: PersonRequest): Promise<ChangeOutcome> =>
  announceChanged(deps, await change(deps, request, (now) => ({ type: 'RunNow', now })))

/**
 * Cancels a pending task. The worker of a running task is asked to stop it: the task ends CANCELLED, or SUCCESS when its
 * handler returns all the same. Cancelling twice appends nothing. Throws as `changeTask` does.
 */
export const cancelTask = async (deps: PersonCommandDeps, request: PersonRequest): Promise<ChangeOutcome> => {
  const outcome = await change(deps, request, () => ({ type: 'Cancel' }))
  if (outcome.kind === 'changed' && outcome.events.some((event) => event.type === 'CancelRequested')) {
    await deps.signals.announce({ kind: 'cancel-requested', taskIds: [request.taskId] })
  }
  return outcome
}

const change = (
  { store, index, identities, count }: PersonCommandDeps,
  request: PersonRequest,
  toCommand: ChangeRequest['toCommand'],
): Promise<ChangeOutcome> => changeTask({ store, index, identities, count }, { ...request, toCommand })

const announceChanged = ({ announcer }: PersonCommandDeps, outcome: ChangeOutcome): ChangeOutcome => {
  if (outcome.kind === 'changed') announcer.announce(outcome.task)
  return outcome
}
