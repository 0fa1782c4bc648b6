/** The exports of the package `taskfold`: to define tasks, to submit and to watch them. Importing it starts nothing. */
export { defineTask } from '#adapters/handlers/define-task.ts'
export {
  EffectChangedError,
  EffectInDoubtError,
  EffectInUseError,
  EffectNotDone,
  EffectQueryError,
} from '#application/ports/ledger/handler-effects.ts'
export { AbortReason, PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
export { type TaskDefinition, type TaskSpecification } from '#adapters/handlers/define-task.ts'
export { type StandardSchema } from '#adapters/handlers/standard-schema.ts'
export { type LogFields, type Logger } from '#application/ports/surroundings/logger.ts'
export {
  type EffectContext,
  type EffectFinding,
  type EffectInquiry,
  type EffectOptions,
  type EffectQuery,
  type EffectWork,
  type IdempotentOptions,
  type OnceOptions,
  type PerformEffect,
  type QueryAnswer,
  type QueryRefusal,
  type TransactionContext,
  type TransactionOptions,
  type TransactionWork,
  type VerifyOptions,
} from '#application/ports/ledger/handler-effects.ts'
export { type AbortCause, type HandlerContext } from '#application/ports/task-handler.ts'
export { parseTaskId, type TaskId } from '#domain/identifiers.ts'
export { type RetryPolicy } from '#domain/retry-policy.ts'
export { type ClientOptions, createClient, type TaskfoldClient } from '#adapters/client/client.ts'
export { type RequestFault, TaskfoldError } from '#adapters/client/errors.ts'
export { type Effect, type Settlement } from '#adapters/client/effects.ts'
export { type FeedEvent, type TaskEvent } from '#adapters/client/events.ts'
export { type CallOptions } from '#adapters/client/exchange.ts'
export { type FeedOptions } from '#adapters/client/feed.ts'
export {
  type BatchOptions,
  type ChangeOptions,
  type ContextOptions,
  type GetOptions,
  type SubmitOptions,
} from '#adapters/client/options.ts'
export {
  type BatchOutcome,
  type BatchOutcomes,
  type Submission,
  submission,
  type SubmissionOptions,
} from '#adapters/client/submission.ts'
export {
  type EndedTask,
  type Stored,
  type Task,
  type TaskAddress,
  type TaskFailure,
  type TaskSummary,
} from '#adapters/client/task.ts'
export { type ListOptions } from '#adapters/client/task-list.ts'
export { type WaitOptions } from '#adapters/client/wait-for-end.ts'
export { type TaskReference } from '#domain/task/reference.ts'
export { type TaskDetail, type TaskStatus } from '#domain/task/state.ts'
