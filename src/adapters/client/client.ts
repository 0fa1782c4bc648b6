import type { TaskReference } from '#domain/task/reference.ts'
import { type Effect, listEffects, settleEffect, type Settlement } from './effects.ts'
import type { FeedEvent, TaskEvent } from './events.ts'
import { type CallOptions, createExchange } from './exchange.ts'
import { type FeedOptions, followFeed, readFeed } from './feed.ts'
import {
  type BatchOptions,
  type ChangeOptions,
  type ContextOptions,
  type GetOptions,
  type SubmitOptions,
  toContextHeaders,
  toGetQuery,
} from './options.ts'
import { type BatchOutcomes, type Submission, submission } from './submission.ts'
import type { EndedTask, Stored, Task, TaskAddress, TaskSummary } from './task.ts'
import { type ListOptions, listTasks } from './task-list.ts'
import { changeTask, findTask, readHistory, submitMany, submitOne } from './task-requests.ts'
import { type WaitOptions, waitForEnd } from './wait-for-end.ts'

export interface ClientOptions {
  /** The address of the server, such as `http://127.0.0.1:3000`; a path in it goes before `/api`. */
  readonly url: string | URL
  /** How long one call may take in all, with every repetition. Default: ten seconds. */
  readonly deadlineMs?: number
  /** The actor in the histories of tasks, unless a call names another. */
  readonly actor?: string
  /** Sent with each request, such as `authorization` for a proxy. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Taskfold over HTTP. Every call throws TaskfoldError, or the reason of its aborted `signal`, and takes at most its
 * `deadlineMs`. After a failed connection, 503 and 429 a request is repeated, with a growing wait that respects
 * `Retry-After`: reads, submissions (each has an idempotency key) and cancellations always; `retry`, `runNow` and
 * `settleEffect` only when the first request cannot have had an effect.
 */
export interface TaskfoldClient {
  /** Submits a task by its definition, which types payload and result, or by its type's name. It is stored on return. */
  submit<Payload, Result>(
    task: TaskReference<Payload, Result>,
    payload: NoInfer<Payload>,
    options?: SubmitOptions,
  ): Promise<Task<Payload, Stored<Result>>>
  submit(type: string, payload?: unknown, options?: SubmitOptions): Promise<Task>

  /** Submits up to 1,000 tasks, made by `submission`; an outcome each, in their order. */
  submitBatch<const Items extends readonly Submission[]>(
    items: Items,
    options?: BatchOptions,
  ): Promise<BatchOutcomes<Items>>

  get<Payload = unknown, Result = unknown>(
    task: TaskAddress<Payload, Result>,
    options?: GetOptions,
  ): Promise<Task<Payload, Result>>

  /** Resolves once the task has ended, well or not. Throws `deadline-exceeded` when `timeoutMs` are over. */
  waitForEnd<Payload = unknown, Result = unknown>(
    task: TaskAddress<Payload, Result>,
    options?: WaitOptions,
  ): Promise<EndedTask<Payload, Result>>

  /** Tasks, newest first, fetched page by page as the loop goes on. */
  list(options?: ListOptions): AsyncIterableIterator<TaskSummary>
  /** The events of one task up to now. */
  events(task: TaskAddress<unknown, unknown>, options?: CallOptions): AsyncIterableIterator<TaskEvent>
  /** The events of all tasks up to now. */
  readEvents(options?: FeedOptions): AsyncIterableIterator<FeedEvent>
  /** The events of all tasks as they happen, until the loop is left: each event once, across lost connections. */
  followEvents(options?: FeedOptions): AsyncIterableIterator<FeedEvent>

  /** What a task has done elsewhere, in the order it was first begun. */
  effects(task: TaskAddress<unknown, unknown>, options?: CallOptions): Promise<readonly Effect[]>
  /**
   * Says what became of an effect in doubt; `retry` the task afterwards. Throws `not-in-doubt` and `effect-not-found`.
   */
  settleEffect(
    task: TaskAddress<unknown, unknown>,
    name: string,
    settlement: Settlement,
    options?: ContextOptions,
  ): Promise<Effect>

  /** Opens a task that ended FAILED or CANCELLED again, with fresh attempts. */
  retry<Payload = unknown, Result = unknown>(
    task: TaskAddress<Payload, Result>,
    options?: ChangeOptions,
  ): Promise<Task<Payload, Result>>
  /** Cancels a task; while its handler has yet to stop, the task returned is PROCESSING `cancelling`. */
  cancel<Payload = unknown, Result = unknown>(
    task: TaskAddress<Payload, Result>,
    options?: ChangeOptions,
  ): Promise<Task<Payload, Result>>
  /** Makes a scheduled or retrying task due at once. */
  runNow<Payload = unknown, Result = unknown>(
    task: TaskAddress<Payload, Result>,
    options?: ChangeOptions,
  ): Promise<Task<Payload, Result>>
}

const deadlineMsDefault = 10_000

/** A client of the server at `url`. It keeps no connection of its own. Throws a TypeError unless `url` is http or https. */
export const createClient = ({
  url,
  deadlineMs = deadlineMsDefault,
  actor,
  headers = {},
}: ClientOptions): TaskfoldClient => {
  const exchange = createExchange({ base: toBase(url), headers, deadlineMs })
  const context = (options: ContextOptions) => toContextHeaders({ ...options, actor: options.actor ?? actor })
  const by = ({ actor: who }: ContextOptions) => context({ actor: who })
  return {
    submit: async <Payload, Result>(
      task: TaskReference<Payload, Result> | string,
      payload?: unknown,
      { actor: who, reason, traceparent, deadlineMs: withinMs, signal, ...options }: SubmitOptions = {},
    ) => {
      const own = { ...context({ actor: who, reason }), ...(traceparent !== undefined && { traceparent }) }
      const item = typeof task === 'string' ? submission(task, payload, options) : { type: task.type, payload, options }
      return submitOne<Payload, Stored<Result>>(exchange, item, own, { deadlineMs: withinMs, signal })
    },
    submitBatch: async (items, options = {}) => submitMany(exchange, items, context(options), options),
    get: async (task, options = {}) => findTask(exchange, idOf(task), toGetQuery(options), options),
    waitForEnd: <Payload, Result>(task: TaskAddress<Payload, Result>, options: WaitOptions = {}) =>
      waitForEnd<Payload, Result>(
        (seconds, call) => findTask(exchange, idOf(task), { wait: `${seconds}s` }, call),
        idOf(task),
        options,
      ),
    list: (options = {}) => listTasks(exchange, options),
    events: (task, options = {}) => readHistory(exchange, idOf(task), options),
    readEvents: (options = {}) => readFeed(exchange, options),
    followEvents: (options = {}) => followFeed(exchange, options),
    effects: async (task, options = {}) => listEffects(exchange, idOf(task), options),
    settleEffect: async (task, name, settlement, options = {}) =>
      settleEffect(exchange, { taskId: idOf(task), name }, settlement, by(options), options),
    retry: async (task, options = {}) => changeTask(exchange, idOf(task), 'retry', by(options), options),
    cancel: async (task, options = {}) => changeTask(exchange, idOf(task), 'cancel', by(options), options),
    runNow: async (task, options = {}) => changeTask(exchange, idOf(task), 'run-now', by(options), options),
  }
}

const toBase = (url: string | URL): string => {
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '') {
    throw new TypeError('createClient: url must be an http or https URL without credentials')
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`
}

const idOf = (task: TaskAddress<unknown, unknown>): string => (typeof task === 'string' ? task : task.id)
