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
  /** What the handler said last about how far it is. */
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
  readonly cause: string
  readonly attempt: number
}

/**
 * A task with its payload and its result, which are typed by the definition it was submitted with and not judged again.
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

/** What a call about a task is given: its id, or the task, which carries the types. */
export type TaskAddress<Payload, Result> =
  | string
  | { readonly id: string; readonly payload?: Payload; readonly result?: Result | null }

/** What a value is after it was stored as JSON: instants are text, undefined at the top is null. */
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
  error: nullOr(objectOf({ name: isText, message: isText, cause: isText, attempt: isWhole })),
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

/** The types of payload and result are the caller's word: what was stored is not judged again. */
export const isTask = <Payload, Result>(value: unknown): value is Task<Payload, Result> => looksLikeTask(value)

export const isEndedTask = <Payload, Result>(
  task: Task<Payload, Result>,
): task is Task<Payload, Result> & EndedTask<Payload, Result> =>
  task.status === 'SUCCESS' || task.status === 'FAILED' || task.status === 'CANCELLED'
