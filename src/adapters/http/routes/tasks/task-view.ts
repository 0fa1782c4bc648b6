import type { ErrorFacts, JsonText } from '#domain/task/events.ts'
import { detailOf, isEnded, type Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { renderInstant } from '../instant-view.ts'

/**
 * A task as clients see it, as JSON text: payload and result are spliced in as they were stored, so that nothing is parsed
 * or written again and every legal value comes back to the letter. `now` is the store's clock.
 */
export const renderTask = (task: Task, now: Instant, progress: JsonText = 'null'): JsonText => {
  const result = task.status === 'SUCCESS' ? task.result : 'null'
  return `{${renderFacts(task, now, progress)},"payload":${task.facts.submission.payload},"result":${result}}`
}

/** A task without its payload and result, for lists. */
export const renderTaskSummary = (task: Task, now: Instant): JsonText => `{${renderFacts(task, now, 'null')}}`

const renderFacts = (task: Task, now: Instant, progress: JsonText): string => {
  const { type, queue, priority, maxAttempts, timeoutMs, tags } = task.facts.submission
  return (
    `"id":"${task.taskId}","type":${JSON.stringify(type)},"queue":${JSON.stringify(queue)},` +
    `"status":"${task.status}","detail":"${detailOf(task, now)}","priority":${priority + 0},` +
    `"attempt":${task.facts.attempt},"maxAttempts":${maxAttempts},"timeoutMs":${timeoutMs},` +
    `"error":${renderError(task)},"progress":${progress},` +
    `"runAt":${renderInstant(task.times.readyAt)},"submittedAt":${renderInstant(task.times.submittedAt)},` +
    `"startedAt":${renderInstant(task.times.startedAt)},` +
    `"finishedAt":${renderInstant(isEnded(task) ? task.times.finishedAt : undefined)},` +
    `"tags":${tags.length === 0 ? '[]' : JSON.stringify(tags)},"version":${task.version}`
  )
}

const renderError = (task: Task): JsonText => {
  if (task.facts.lastFailure === undefined || task.status === 'SUCCESS') return 'null'
  const { error, cause, attempt } = task.facts.lastFailure
  const causes = (error.causes ?? []).map(toFactsView)
  return JSON.stringify({ ...toFactsView(error), causes, cause, attempt })
}

/** The stacks are in the history only: they are for whoever mends the handler. */
const toFactsView = (facts: Pick<ErrorFacts, 'name' | 'message' | 'code'>) => ({
  name: facts.name,
  message: facts.message,
  code: facts.code ?? null,
})
