import type { TaskId } from '#domain/identifiers.ts'
import type { EventContext } from '#domain/task/events.ts'
import type { Signals } from '../ports/queue/signals.ts'
import { type ChangeOutcome, type ChangeTaskDeps, changeTask } from './change-task.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'

interface Deps extends ChangeTaskDeps {
  readonly announcer: ReadyAnnouncer
  readonly signals: Signals
}

export interface PersonRequest {
  readonly taskId: TaskId
  readonly context: EventContext
  /** Act only on the task at this version. */
  readonly ifVersion?: number
}

/** Opens a FAILED or CANCELLED task again with fresh attempts. Throws as `changeTask` does. */
export const retryTask = async (deps: Deps, request: PersonRequest): Promise<ChangeOutcome> =>
  announced(deps, await changeTask(deps, { ...request, toCommand: () => ({ type: 'Reopen' }) }))

/** Makes a waiting task due at once; writes nothing when it is due already. Throws as `changeTask` does. */
export const runTaskNow = async (deps: Deps, request: PersonRequest): Promise<ChangeOutcome> =>
  announced(deps, await changeTask(deps, { ...request, toCommand: (now) => ({ type: 'RunNow', now }) }))

/**
 * Cancels a pending task, or asks the worker of a running one to stop: it ends CANCELLED, or SUCCESS when its handler
 * returns first. Cancelling twice writes nothing. Throws as `changeTask` does.
 */
export const cancelTask = async (deps: Deps, request: PersonRequest): Promise<ChangeOutcome> => {
  const outcome = await changeTask(deps, { ...request, toCommand: () => ({ type: 'Cancel' }) })
  if (outcome.kind === 'changed' && outcome.events.some((event) => event.type === 'CancelRequested')) {
    await deps.signals.announce({ kind: 'cancel-requested', taskIds: [request.taskId] })
  }
  return outcome
}

const announced = (deps: Deps, outcome: ChangeOutcome): ChangeOutcome => {
  if (outcome.kind === 'changed') deps.announcer.announce(outcome.task)
  return outcome
}
