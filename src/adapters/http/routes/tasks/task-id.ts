import { findTaskId, type TaskId } from '#domain/identifiers.ts'
import { ProblemError } from '../../problems/problems.ts'

/** The task that `{id}` of an address names. Throws a `task-not-found` problem for a text that is no UUID. */
export const toTaskId = (params: Readonly<Record<string, string>>): TaskId => {
  const taskId = findTaskId(params['id'] ?? '')
  if (taskId === undefined) throw taskNotFound()
  return taskId
}

/** The refusal for an id under which nothing was ever submitted. */
export const taskNotFound = (): ProblemError => new ProblemError('task-not-found', 'No task has this id.')
