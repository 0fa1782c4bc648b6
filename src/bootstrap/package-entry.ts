/** What `import 'taskfold'` gives: to define tasks, and to write what they need. Importing it starts nothing. */
export { defineTask } from '#adapters/handlers/define-task.ts'
export { AbortReason, PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
export { type TaskDefinition, type TaskSpecification } from '#adapters/handlers/define-task.ts'
export { type StandardSchema } from '#adapters/handlers/standard-schema.ts'
export { type LogFields, type Logger } from '#application/ports/logger.ts'
export { type AbortCause, type HandlerContext } from '#application/ports/task-handler.ts'
export { type TaskId } from '#domain/identifiers.ts'
export { type RetryPolicy } from '#domain/retry-policy.ts'
