import { type Append, type EventStore, isStored } from '#application/ports/events/event-store.ts'
import type { LogFields, Logger } from '#application/ports/surroundings/logger.ts'
import { findTraceId } from '#application/runs/task-trace.ts'
import type { ErrorFacts, TaskEvent } from '#domain/task/events.ts'
import type { Metrics } from './metrics.ts'
import { findOutcome } from './outcomes.ts'

/** An event store that counts every event that became durable, and logs a line for each. */
export const createObservedEventStore = (store: EventStore, metrics: Metrics, logger: Logger): EventStore => ({
  append: (append) =>
    store.append(append).then((verdict) => {
      if (isStored(verdict)) note(append, metrics, logger)
      else if (verdict.kind === 'conflict') metrics.conflicts.add(1)
      return verdict
    }),

  appendAll: async (appends) => {
    const verdict = await store.appendAll(appends)
    if (verdict.kind !== 'appended') return verdict
    for (const [index, append] of appends.entries()) {
      if (verdict.members[index]?.kind !== 'duplicate') note(append, metrics, logger)
    }
    return verdict
  },

  loadStream: (taskId) => store.loadStream(taskId),
  loadStreams: (taskIds) => store.loadStreams(taskIds),
  loadOutlines: (taskIds) => store.loadOutlines(taskIds),
})

const note = (append: Append, metrics: Metrics, logger: Logger): void => {
  const type = metrics.limitType(append.head.type)
  const outcome = findOutcome(append.events)
  if (outcome !== undefined) metrics.finished.add(1, type, outcome)
  for (const event of append.events) {
    if (event.type === 'Submitted') metrics.submitted.add(1, type)
    if (event.type === 'Started') metrics.started.add(1, type)
    log(logger, append, event)
  }
}

/**
 * Events of every task are logged at `debug`: lines are written synchronously, three for each task. Events that a person
 * may want to look into are logged at `info`, and final failures at `warn`.
 */
const log = (logger: Logger, append: Append, event: TaskEvent): void => {
  switch (event.type) {
    case 'Submitted':
      return logger.debug(fieldsOf(append), 'a task was submitted')
    case 'Started':
      return logger.debug(fieldsOf(append), 'an attempt was started')
    case 'Succeeded':
      return logger.debug(fieldsOf(append), 'a task succeeded')
    case 'Failed': {
      const { cause, final, error } = event.data
      const origins = error.causes?.map(nameOf)
      const fields = { ...fieldsOf(append), cause, errorName: error.name, errorCode: error.code, errorCauses: origins }
      if (final) return logger.warn(fields, 'a task failed')
      const retried = append.events.find((other) => other.type === 'Retried')
      return logger.info(
        { ...fields, delayMs: retried?.data.delayMs },
        'an attempt failed and will be followed by another',
      )
    }
    case 'Retried':
      // A retry that no person asked for is logged with its failure.
      return event.data.reopened ? logger.info(fieldsOf(append), 'a task was opened again') : undefined
    case 'Released':
      return logger.info({ ...fieldsOf(append), cause: event.data.cause }, 'an attempt was handed back')
    case 'Rescheduled':
      return logger.info(fieldsOf(append), 'a task was rescheduled')
    case 'CancelRequested':
      return logger.info(fieldsOf(append), 'cancellation of a running task was requested')
    case 'Cancelled':
      return logger.info({ ...fieldsOf(append), cause: event.data.cause }, 'a task was cancelled')
  }
}

/** Without the message, which may quote the payload or a secret. The history has it. */
const nameOf = ({ name, code }: ErrorFacts): string => (code === undefined ? name : `${name} ${code}`)

const fieldsOf = ({ taskId, head, context }: Append): LogFields => ({
  taskId,
  taskType: head.type,
  attempt: head.attempt,
  traceId: findTraceId(context),
})
