import type { TaskId } from '#domain/identifiers.ts'
import type { EventContext } from '#domain/task/events.ts'
import type { TimelineEntry } from '#domain/task/timeline.ts'
import type { Instant } from '#domain/time.ts'
import type { ChangeOutcome } from './commands/change-task.ts'
import { cancelTask, type PersonRequest, retryTask, runTaskNow } from './commands/person-commands.ts'
import type { ReadyAnnouncer } from './hints/announcer.ts'
import { settleEffect, type SettleOutcome } from './commands/settle-effect.ts'
import { submitAll } from './commands/submit-all.ts'
import { submitMany, type SettledSubmit } from './commands/submit-many.ts'
import { type SubmitDeps, type SubmitRequest, type SubmitOutcome, submitTask } from './commands/submit-task.ts'
import type { EventFeed, FeedCursor, FeedReading } from './ports/events/event-feed.ts'
import type { EventStore } from './ports/events/event-store.ts'
import type { Effect, IdempotencyLedger, Settlement } from './ports/ledger/idempotency-ledger.ts'
import type { Identities } from './ports/surroundings/identities.ts'
import type { ProgressBoard } from './ports/ledger/progress-board.ts'
import type { Heads } from './ports/heads/heads.ts'
import type { Runtime } from './ports/surroundings/runtime.ts'
import type { Signals } from './ports/queue/signals.ts'
import type { QueueSummary } from './ports/heads/task-index.ts'
import type { WorkerRegistry, WorkerRow } from './ports/workers/worker-registry.ts'
import { type Explanation, explainTask } from './queries/explain-task.ts'
import { findProgress, findTaskWithProgress, type TaskWithProgress } from './queries/find-task.ts'
import { listEffects } from './queries/list-effects.ts'
import { type KeyedPage, listQueues, listWorkers } from './queries/list-fleet.ts'
import { listTasks, type TaskFilter, type TaskPage } from './queries/list-tasks.ts'
import { findTaskAsOf, findTaskAsOfVersion, findTimeline, type PastTask } from './queries/task-history.ts'
import { createEndWatch, waitForEnd } from './queries/wait-for-end.ts'

/** Everything a driving adapter can ask of the application. Each throws the errors of the event-store port. */
export interface TaskOperations {
  submit(request: SubmitRequest, context: EventContext): Promise<SubmitOutcome>
  /** Submits up to 1000 requests, each stored or refused on its own. Answers in the order given. */
  submitMany(requests: readonly SubmitRequest[], context: EventContext): Promise<readonly SettledSubmit[]>
  /** Submits up to 1000 requests, all of them or none. */
  submitAll(requests: readonly SubmitRequest[], context: EventContext): Promise<readonly SubmitOutcome[]>
  find(taskId: TaskId): Promise<TaskWithProgress | undefined>
  /** The task as its first `version` events left it. */
  findAsOfVersion(taskId: TaskId, version: number): Promise<PastTask>
  /** The task as it was at an instant; an instant in the future gives the present. */
  findAsOf(taskId: TaskId, instant: Instant): Promise<PastTask>
  /**
   * The task as soon as it has ended, or as it stands when `withinMs` (0..60,000) have gone by or `signal` aborts. Throws
   * StoreOverloadedError when 4,000 callers wait in this process already.
   */
  waitForEnd(taskId: TaskId, withinMs: number, signal: AbortSignal): Promise<TaskWithProgress | undefined>
  /** Why a task is where it is, and what happens next. */
  explain(taskId: TaskId): Promise<Explanation | undefined>
  /** The effects of a task in the order they were first begun; undefined when there is no such task. */
  listEffects(taskId: TaskId): Promise<readonly Effect[] | undefined>
  /** Records what a person found out about an effect in doubt; the task stays as it is. */
  settleEffect(settlement: Settlement): Promise<SettleOutcome>
  findTimeline(taskId: TaskId): Promise<readonly TimelineEntry[] | undefined>
  /** One page, newest first, after the task `before`; 1 ≤ `limit` ≤ 200. */
  list(filter: TaskFilter, limit: number, before: TaskId | undefined): Promise<TaskPage>
  retry(request: PersonRequest): Promise<ChangeOutcome>
  cancel(request: PersonRequest): Promise<ChangeOutcome>
  runNow(request: PersonRequest): Promise<ChangeOutcome>
  /** One page of the queues in order of name, after the queue `after`; 1 ≤ `limit` ≤ 1000. */
  listQueues(limit: number, after: string | undefined): Promise<KeyedPage<QueueSummary>>
  /** One page of the registered workers, without ended incarnations, in order of id, after the id `after`. */
  listWorkers(limit: number, after: string | undefined): Promise<KeyedPage<WorkerRow>>
  /**
   * Events of all tasks, `limit` (1..1000) at most, after a cursor; from the beginning without one. A page may be cut short
   * by its weight: only an empty one means that the end is reached for now. Throws UndecodableStreamError.
   */
  readFeed(after: FeedCursor | undefined, limit: number): Promise<FeedReading>
  /** The cursor after every event that can be read now. */
  readFeedEnd(): Promise<FeedCursor>
  /** Ends every wait for the end of a task. Resolves when the query of these waits has ended. */
  close(): Promise<void>
}

export interface TaskOperationsDeps {
  readonly history: { readonly store: EventStore; readonly feed: EventFeed }
  readonly heads: Pick<Heads, 'index' | 'runs'>
  /** What runs have recorded beside their events. */
  readonly records: { readonly ledger: IdempotencyLedger; readonly progress: ProgressBoard }
  readonly registry: WorkerRegistry
  readonly submitting: Pick<SubmitDeps, 'routes' | 'storeClock' | 'defaultsOf'>
  readonly identities: Identities
  /** Told after a commit: the queue, and the other processes. */
  readonly afterCommit: { readonly announcer: ReadyAnnouncer; readonly signals: Signals }
  readonly runtime: Runtime
}

export const createTaskOperations = (deps: TaskOperationsDeps): TaskOperations => {
  const submitting = toSubmitDeps(deps)
  const changing = toChangeDeps(deps)
  const { store, feed } = deps.history
  const { index, runs } = deps.heads
  const { ledger, progress } = deps.records
  const { registry, runtime } = deps
  const ends = createEndWatch({ index, timers: runtime.timers })
  return {
    submit: async (request, context) => {
      const submitted = await submitTask(submitting, request, context)
      if (submitted.kind === 'submitted') return submitted
      const { kind, task, now } = submitted
      return { kind, task, now, progress: await findProgress(progress, task) }
    },
    submitMany: (requests, context) => submitMany(submitting, requests, context),
    submitAll: (requests, context) => submitAll(submitting, requests, context),
    find: (taskId) => findTaskWithProgress({ store, progress }, taskId),
    findAsOfVersion: (taskId, version) => findTaskAsOfVersion(store, taskId, version),
    findAsOf: (taskId, instant) => findTaskAsOf(store, taskId, instant),
    waitForEnd: (taskId, withinMs, signal) => waitForEnd({ store, progress, ends }, taskId, withinMs, signal),
    explain: (taskId) => explainTask({ store, runs, registry, ledger }, taskId),
    listEffects: (taskId) => listEffects({ index, ledger }, taskId),
    settleEffect: (settlement) => settleEffect({ index, ledger }, settlement),
    findTimeline: (taskId) => findTimeline(store, taskId),
    list: (filter, limit, before) => listTasks({ store, index, logger: runtime.logger }, filter, limit, before),
    retry: (request) => retryTask(changing, request),
    cancel: (request) => cancelTask(changing, request),
    runNow: (request) => runTaskNow(changing, request),
    listQueues: (limit, after) => listQueues(index, limit, after),
    listWorkers: (limit, after) => listWorkers(registry, limit, after),
    readFeed: (after, limit) => feed.readAfter(after, limit),
    readFeedEnd: () => feed.latest(),
    close: () => ends.close(),
  }
}

const toSubmitDeps = ({ history, submitting, identities, afterCommit }: TaskOperationsDeps): SubmitDeps => ({
  store: history.store,
  routes: submitting.routes,
  identities,
  storeClock: submitting.storeClock,
  announcer: afterCommit.announcer,
  defaultsOf: submitting.defaultsOf,
})

const toChangeDeps = ({ history, heads, identities, afterCommit, runtime }: TaskOperationsDeps) => ({
  store: history.store,
  index: heads.index,
  identities,
  count: runtime.count,
  announcer: afterCommit.announcer,
  signals: afterCommit.signals,
})
