import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import type { TaskId } from '#domain/identifiers.ts'

/** The attributes of a task's span: the semantic conventions of messaging, and our own. */
export const describeTask = (
  taskId: TaskId,
  { queue, type }: { readonly queue: string; readonly type: string },
): Attributes => ({
  'messaging.system': 'taskfold',
  'messaging.destination.name': queue,
  'messaging.message.id': taskId,
  'taskfold.task.id': taskId,
  'taskfold.task.type': type,
})

/** Notes the kind of an error, and not its message, which may quote a payload. */
export const noteError = (span: Span, error: unknown): void => {
  const type = error instanceof Error ? error.name : typeof error
  span.setAttribute('error.type', type)
  span.addEvent('exception', { 'exception.type': type })
  span.setStatus({ code: SpanStatusCode.ERROR, message: type })
}
