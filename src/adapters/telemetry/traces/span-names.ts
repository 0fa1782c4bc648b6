import type { Attributes } from '@opentelemetry/api'
import type { TaskId } from '#domain/identifiers.ts'

/** What a span of ours tells of the task it is about, by the semantic conventions of messaging and our own. */
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
