import type { TaskId } from '#domain/identifiers.ts'
import type { EventContext } from '#domain/task-events.ts'
import type { Task } from '#domain/task-state.ts'
import type { TimelineEntry } from '#domain/task-timeline.ts'
import type { Instant } from '#domain/time.ts'
import type { ChangeOutcome } from './commands/change-task.ts'
import { cancelTask, type PersonRequest, retryTask, runTaskNow } from './commands/person-commands.ts'
import type { ReadyAnnouncer } from './commands/ready-announcer.ts'
import { type SubmitRequest, submitTask } from './commands/submit-task.ts'
import type { StoreClock } from './ports/clock.ts'
import type { Count } from './ports/counts.ts'
import type { EventStore } from './ports/event-store.ts'
import type { Identities } from './ports/identities.ts'
import type { Logger } from './ports/logger.ts'
import type { Routes } from './ports/routes.ts'
import type { Signals } from './ports/signals.ts'
import type { HandlerDefaults } from './ports/task-handler.ts'
import type { QueueSummary, TaskIndex } from './ports/task-index.ts'
import type { WorkerRegistry, WorkerRow } from './ports/worker-registry.ts'
import { findTask, findTimeline } from './queries/find-task.ts'
import { listTasks, type TaskFilter, type TaskPage } from './queries/list-tasks.ts'

/** A task and the store's clock at which it was read: a pending task becomes ready by time alone. */
export interface TaskNow {
  readonly task: Task
  readonly now: Instant
}

/** Everything a driving adapter can ask of the application. Each throws the errors of the event-store port. */
export interface TaskOperations {
  submit(request: SubmitRequest, context: EventContext): Promise<TaskNow>
  find(taskId: TaskId): Promise<TaskNow | undefined>
  findTimeline(taskId: TaskId): Promise<readonly TimelineEntry[] | undefined>
  /** One page, newest first, after the task `before`; 1 ≤ `limit` ≤ 200. */
  list(filter: TaskFilter, limit: number, before: TaskId | undefined): Promise<TaskPage>
  retry(request: PersonRequest): Promise<ChangeOutcome>
  cancel(request: PersonRequest): Promise<ChangeOutcome>
  runNow(request: PersonRequest): Promise<ChangeOutcome>
  listQueues(): Promise<readonly QueueSummary[]>
  /** Ended incarnations are not in it. */
  listWorkers(): Promise<readonly WorkerRow[]>
}

export interface TaskOperationsDeps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly routes: Routes
  readonly registry: WorkerRegistry
  readonly signals: Signals
  readonly identities: Identities
  readonly storeClock: StoreClock
  readonly announcer: ReadyAnnouncer
  readonly logger: Logger
  readonly count: Count
  readonly defaultsOf: (type: string) => HandlerDefaults
}

export const createTaskOperations = (deps: TaskOperationsDeps): TaskOperations => ({
  submit: (request, context) => submitTask(deps, request, context),
  find: (taskId) => findTask(deps.store, taskId),
  findTimeline: (taskId) => findTimeline(deps.store, taskId),
  list: (filter, limit, before) => listTasks(deps, filter, limit, before),
  retry: (request) => retryTask(deps, request),
  cancel: (request) => cancelTask(deps, request),
  runNow: (request) => runTaskNow(deps, request),
  listQueues: () => deps.index.summarizeQueues(),
  listWorkers: async () => (await deps.registry.readAll()).filter((worker) => worker.state !== 'ended'),
})
