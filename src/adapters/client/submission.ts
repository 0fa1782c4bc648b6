import type { TaskReference } from '#domain/task/reference.ts'
import type { RetryPolicy } from '#domain/retry-policy.ts'
import { toProblemError } from './answers.ts'
import type { TaskfoldError } from './errors.ts'
import { toInstantText } from './sendable.ts'
import { type Check, memberOf, objectOf } from './shape.ts'
import { isTask, type Stored, type Task } from './task.ts'

/** The options of a submission beside its type and payload. The default of each is that of the task's type. */
export interface SubmissionOptions {
  readonly queue?: string | undefined
  /** −100 to 100, higher first. */
  readonly priority?: number | undefined
  /** When it becomes due. Excludes `delayMs`. */
  readonly runAt?: Date | string | undefined
  readonly delayMs?: number | undefined
  readonly maxAttempts?: number | undefined
  readonly timeoutMs?: number | undefined
  readonly retry?: Partial<RetryPolicy> | undefined
  readonly tags?: readonly string[] | undefined
  /**
   * 1 to 255 visible ASCII characters; minted for each call when left out. Give your own, such as the number of an order,
   * where the call itself may be repeated: within 48 hours the same key makes no second task.
   */
  readonly idempotencyKey?: string | undefined
}

/** One item of a batch. Made by `submission`, which lets the compiler judge the payload. */
export interface Submission<Payload = unknown, Result = unknown> extends TaskReference<Payload, Result> {
  readonly payload: Payload
  readonly options: SubmissionOptions
}

/** A task of a batch: by its definition, whose types it takes, or by the name of its type. */
export function submission<Payload, Result>(
  task: TaskReference<Payload, Result>,
  payload: NoInfer<Payload>,
  options?: SubmissionOptions,
): Submission<Payload, Result>
export function submission(type: string, payload?: unknown, options?: SubmissionOptions): Submission
export function submission(
  task: TaskReference | string,
  payload: unknown,
  options: SubmissionOptions = {},
): Submission {
  return { type: typeof task === 'string' ? task : task.type, payload, options }
}

/** The task that one item of a batch made, or the error by which it was refused. */
export type BatchOutcome<Payload = unknown, Result = unknown> =
  | { readonly task: Task<Payload, Result>; readonly error?: undefined }
  | { readonly task?: undefined; readonly error: TaskfoldError }

/** The outcome of each item, with the types of each. */
export type BatchOutcomes<Items extends readonly Submission[]> = {
  readonly [Index in keyof Items]: Items[Index] extends Submission<infer Payload, infer Result>
    ? BatchOutcome<Payload, Stored<Result>>
    : never
}

/** The body of a submission, without its key. */
export const toBody = ({ type, payload, options }: Submission): Readonly<Record<string, unknown>> => {
  const { runAt, idempotencyKey: _key, ...rest } = options
  return { type, payload, ...rest, runAt: runAt && toInstantText(runAt) }
}

/** A key that no other call has. */
export const mintKey = (): string => crypto.randomUUID()

/**
 * The outcomes with the types of `items`; undefined unless there is one for each. Believes that the server answers in the
 * order of the request, and that payloads and results have the types of their definitions, as `trustTask` does.
 */
export const trustOutcomes = <const Items extends readonly Submission[]>(
  items: Items,
  outcomes: readonly (BatchOutcome | undefined)[],
): BatchOutcomes<Items> | undefined => (areOutcomesOf(items, outcomes) ? outcomes : undefined)

const areOutcomesOf = <const Items extends readonly Submission[]>(
  items: Items,
  outcomes: readonly unknown[],
): outcomes is BatchOutcomes<Items> => outcomes.length === items.length && !outcomes.includes(undefined)

/** The outcome that one result of a batch means; undefined for another shape. */
export const toOutcome = (result: unknown): BatchOutcome | undefined => {
  const status = memberOf(result, 'status')
  if (typeof status !== 'number') return undefined
  const task = memberOf(result, 'task')
  if (isTask(task)) return { task }
  const error = toProblemError(memberOf(result, 'problem'), status)
  return error === undefined ? undefined : { error }
}

const looksLikeResults: Check = objectOf({ results: (value) => Array.isArray(value) })
export const isBatchAnswer = (value: unknown): value is { readonly results: readonly unknown[] } =>
  looksLikeResults(value)
