import type { TaskId } from '#domain/identifiers.ts'
import type { EventContext } from '#domain/task/events.ts'
import type { TimelineEntry } from '#domain/task/timeline.ts'
import type { Instant } from '#domain/time.ts'
import type { ChangeOutcome } from './commands/change-task.ts'
import { cancelTask, type PersonRequest, retryTask, runTaskNow } from './commands/person-commands.ts'
import type { ReadyAnnouncer } from './hints/announcer.ts'
import { submitAll, submitMany, type SettledSubmit } from './commands/submit-many.ts'
import { type SubmitRequest, type SubmitOutcome, submitTask } from './commands/submit-task.ts'
import type { StoreClock, Timers } from './ports/surroundings/clock.ts'
import type { Count } from './ports/surroundings/counts.ts'
import type { EventFeed } from './ports/events/event-feed.ts'
import type { EventStore } from './ports/events/event-store.ts'
import type { Effect, IdempotencyLedger } from './ports/ledger/idempotency-ledger.ts'
import type { Identities } from './ports/surroundings/identities.ts'
import type { Logger } from './ports/surroundings/logger.ts'
import type { ProgressBoard } from './ports/ledger/progress-board.ts'
import type { Routes } from './ports/heads/routes.ts'
import type { RunIndex } from './ports/heads/run-index.ts'
import type { Signals } from './ports/queue/signals.ts'
import type { HandlerDefaults } from './ports/task-handler.ts'
import type { QueueSummary, TaskIndex } from './ports/heads/task-index.ts'
import type { WorkerRegistry, WorkerRow } from './ports/workers/worker-registry.ts'
import { createEndWatch } from './queries/end-watch.ts'
import { type Explanation, explainTask } from './queries/explain-task.ts'
import { findTaskAsOf, findTaskAsOfVersion, type PastTask } from './queries/find-task-as-of.ts'
import { findTimeline } from './queries/find-task.ts'
import { findProgress, findTaskWithProgress, type TaskWithProgress } from './queries/find-task-with-progress.ts'
import { listEffects } from './queries/list-effects.ts'
import { listTasks, type TaskFilter, type TaskPage } from './queries/list-tasks.ts'
import { type FeedReading, readFeed } from './queries/read-feed.ts'
import { waitForEnd } from './queries/wait-for-end.ts'

/** Everything a driving adapter can ask of the application. Each throws the errors of the event-store port. */
export interface TaskOperations {
  submit(request: SubmitRequest, context: EventContext): Promise<SubmitOutcome>
  /** Each of up to 1000 requests on its own, together in time; in the order given. */
  submitMany(requests: readonly SubmitRequest[], context: EventContext): Promise<readonly SettledSubmit[]>
  /** All of up to 1000 requests or none. */
  submitAll(requests: readonly SubmitRequest[], context: EventContext): Promise<readonly SubmitOutcome[]>
  find(taskId: TaskId): Promise<TaskWithProgress | undefined>
  /** As its first `version` events left it. */
  findAsOfVersion(taskId: TaskId, version: number): Promise<PastTask>
  /** As it was at an instant; one that is yet to come gives the present. */
  findAsOf(taskId: TaskId, instant: Instant): Promise<PastTask>
  /**
   * The task as soon as it has ended, and as it stands when `withinMs` (0..60,000) have gone by or `signal` aborts. Throws
   * StoreOverloadedError when too many wait in this process already.
   */
  waitForEnd(taskId: TaskId, withinMs: number, signal: AbortSignal): Promise<TaskWithProgress | undefined>
  /** Why a task is where it is, and what happens next. */
  explain(taskId: TaskId): Promise<Explanation | undefined>
  /** What a task has done elsewhere, in the order it began; undefined when there is no such task. */
  listEffects(taskId: TaskId): Promise<readonly Effect[] | undefined>
  findTimeline(taskId: TaskId): Promise<readonly TimelineEntry[] | undefined>
  /** One page, newest first, after the task `before`; 1 ≤ `limit` ≤ 200. */
  list(filter: TaskFilter, limit: number, before: TaskId | undefined): Promise<TaskPage>
  retry(request: PersonRequest): Promise<ChangeOutcome>
  cancel(request: PersonRequest): Promise<ChangeOutcome>
  runNow(request: PersonRequest): Promise<ChangeOutcome>
  listQueues(): Promise<readonly QueueSummary[]>
  /** Ended incarnations are not in it. */
  listWorkers(): Promise<readonly WorkerRow[]>
  /**
   * Events of all tasks, `limit` (1..1000) at most, after a cursor; from the beginning without one, from now on after
   * `latest`. A page may be cut short by its weight: only an empty one means that the end is reached for now.
   */
  readFeed(after: string | undefined, limit: number): Promise<FeedReading>
  /** Ends every wait for the end of a task. Resolves when nothing is under way any more. */
  close(): Promise<void>
}

export interface TaskOperationsDeps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly runs: RunIndex
  readonly feed: EventFeed
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressBoard
  readonly routes: Routes
  readonly registry: WorkerRegistry
  readonly signals: Signals
  readonly identities: Identities
  readonly storeClock: StoreClock
  readonly timers: Timers
  readonly announcer: ReadyAnnouncer
  readonly logger: Logger
  readonly count: Count
  readonly defaultsOf: (type: string) => HandlerDefaults
}

export const createTaskOperations = (deps: TaskOperationsDeps): TaskOperations => {
  const ends = createEndWatch(deps)
  return {
    submit: async (request, context) => {
      const submitted = await submitTask(deps, request, context)
      if (submitted.kind === 'submitted') return submitted
      return { ...submitted, progress: await findProgress(deps.progress, submitted.task) }
    },
    submitMany: (requests, context) => submitMany(deps, requests, context),
    submitAll: (requests, context) => submitAll(deps, requests, context),
    find: (taskId) => findTaskWithProgress(deps, taskId),
    findAsOfVersion: (taskId, version) => findTaskAsOfVersion(deps.store, taskId, version),
    findAsOf: (taskId, instant) => findTaskAsOf(deps.store, taskId, instant),
    waitForEnd: (taskId, withinMs, signal) => waitForEnd({ ...deps, ends }, taskId, withinMs, signal),
    explain: (taskId) => explainTask(deps, taskId),
    listEffects: (taskId) => listEffects(deps, taskId),
    findTimeline: (taskId) => findTimeline(deps.store, taskId),
    list: (filter, limit, before) => listTasks(deps, filter, limit, before),
    retry: (request) => retryTask(deps, request),
    cancel: (request) => cancelTask(deps, request),
    runNow: (request) => runTaskNow(deps, request),
    listQueues: () => deps.index.summarizeQueues(),
    listWorkers: async () => (await deps.registry.readAll()).filter((worker) => worker.state !== 'ended'),
    readFeed: (after, limit) => readFeed(deps.feed, after, limit),
    close: () => ends.close(),
  }
}
