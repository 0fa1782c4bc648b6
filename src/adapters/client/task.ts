import type { TaskDetail, TaskStatus } from '#domain/task/state.ts'
import { type Check, isAnything, isText, isWhole, listOf, nullOr, objectOf, oneOf } from './shape.ts'

/** A task as the interface shows it. Instants are RFC 3339 in UTC with milliseconds. */
export interface TaskSummary {
  readonly id: string
  readonly type: string
  readonly queue: string
  readonly status: TaskStatus
  readonly detail: TaskDetail
  readonly priority: number
  /** Attempts spent so far, or running. */
  readonly attempt: number
  readonly maxAttempts: number
  readonly timeoutMs: number
  /** The last failure; null after a success. */
  readonly error: TaskFailure | null
  /** The progress that the handler reported last. */
  readonly progress: unknown
  readonly runAt: string
  readonly submittedAt: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly tags: readonly string[]
  readonly version: number
}

export interface TaskFailure {
  readonly name: string
  readonly message: string
  /** Such as `ECONNREFUSED`. */
  readonly code: string | null
  /** What the error came from: its cause, the errors that it joins, and what those came from. At most ten. */
  readonly causes: readonly Pick<TaskFailure, 'name' | 'message' | 'code'>[]
  /** Why the attempt failed, such as `handler-error` or `timeout`. */
  readonly cause: string
  readonly attempt: number
}

/**
 * A task with its payload and its result, which have the types of its definition and are not checked against them.
 * `result` is null until the task has succeeded.
 */
export interface Task<Payload = unknown, Result = unknown> extends TaskSummary {
  readonly payload: Payload
  readonly result: Result | null
}

/** A task that has ended. Asking for its `status` tells the compiler whether there is a result. */
export type EndedTask<Payload = unknown, Result = unknown> =
  | (Task<Payload, Result> & { readonly status: 'SUCCESS'; readonly result: Result })
  | (Task<Payload, Result> & { readonly status: 'FAILED' | 'CANCELLED'; readonly result: null })

/** Names a task in a call: its id, or the task itself, which carries the types. */
export type TaskAddress<Payload, Result> =
  | string
  | { readonly id: string; readonly payload?: Payload; readonly result?: Result | null }

/** The type of a value after it was stored as JSON: instants are text, undefined at the top is null. */
export type Stored<Value> = unknown extends Value
  ? unknown
  : Value extends undefined | void
    ? null
    : StoredMember<Value>

type StoredMember<Value> = unknown extends Value
  ? unknown
  : Value extends { toJSON(): infer Json }
    ? Json
    : Value extends string | number | boolean | null | undefined
      ? Value
      : Value extends readonly unknown[]
        ? { readonly [Index in keyof Value]: StoredMember<Value[Index]> }
        : Value extends object
          ? { readonly [Name in keyof Value as Value[Name] extends Unstored ? never : Name]: StoredMember<Value[Name]> }
          : never

type Unstored = symbol | ((...given: never) => unknown)

const statuses: readonly TaskStatus[] = ['PENDING', 'PROCESSING', 'SUCCESS', 'FAILED', 'CANCELLED']

const looksLikeCause = objectOf({ name: isText, message: isText, code: nullOr(isText) })
const looksLikeFailure = objectOf({
  name: isText,
  message: isText,
  code: nullOr(isText),
  causes: listOf(looksLikeCause),
  cause: isText,
  attempt: isWhole,
})

const summaryMembers: Readonly<Record<keyof TaskSummary, Check>> = {
  id: isText,
  type: isText,
  queue: isText,
  status: oneOf(statuses),
  detail: isText,
  priority: isWhole,
  attempt: isWhole,
  maxAttempts: isWhole,
  timeoutMs: isWhole,
  error: nullOr(looksLikeFailure),
  progress: isAnything,
  runAt: isText,
  submittedAt: isText,
  startedAt: nullOr(isText),
  finishedAt: nullOr(isText),
  tags: listOf(isText),
  version: isWhole,
}

const looksLikeSummary = objectOf(summaryMembers)
const looksLikeTask = objectOf({ ...summaryMembers, payload: isAnything, result: isAnything })

export const isTaskSummary = (value: unknown): value is TaskSummary => looksLikeSummary(value)

export const isTask = (value: unknown): value is Task => looksLikeTask(value)

/**
 * The task in an answer; undefined for another shape. Believes the caller that payload and result have these types: the
 * client has no schema of a definition's result, and the worker has checked the payload by that of the definition.
 */
export const trustTask = <Payload, Result>(value: unknown): Task<Payload, Result> | undefined =>
  hasTypesOf<Payload, Result>(value) ? value : undefined

const hasTypesOf = <Payload, Result>(value: unknown): value is Task<Payload, Result> => looksLikeTask(value)

export const isEndedTask = <Payload, Result>(
  task: Task<Payload, Result>,
): task is Task<Payload, Result> & EndedTask<Payload, Result> =>
  task.status === 'SUCCESS' || task.status === 'FAILED' || task.status === 'CANCELLED'
