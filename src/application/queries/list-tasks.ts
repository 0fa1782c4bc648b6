import type { TaskId } from '#domain/identifiers.ts'
import type { Head } from '#domain/task/head.ts'
import { detailOf, type Task, type TaskDetail, type TaskStatus } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import type { HeadQuery, TaskIndex } from '../ports/heads/task-index.ts'
import { foldStream } from '../runs/fold-stream.ts'
import { loadAll } from '../runs/load-in-parts.ts'

export interface TaskFilter {
  readonly status?: TaskStatus
  readonly detail?: TaskDetail
  readonly type?: string
  readonly queue?: string
  readonly tag?: string
  /** Exclusive, by the instant the submission was recorded. */
  readonly submittedAfter?: Instant
  /** Exclusive, by the instant the submission was recorded. */
  readonly submittedBefore?: Instant
}

export interface TaskPage {
  readonly tasks: readonly Task[]
  /** The store's clock, for judging details. */
  readonly now: Instant
  /** Where the next page begins; undefined after the last one. */
  readonly next: TaskId | undefined
}

interface Deps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly logger: Logger
}

/** One page reads at most so many heads and is cut short then: a rare tag or detail must not read the whole table. */
const headsPerPageMax = 1_000

/**
 * One page of tasks, newest first, after `before`. 1 ≤ `limit` ≤ 200.
 *
 * Read page by page, the list repeats no task and skips none that matched throughout, however many are added or change
 * meanwhile: pages go down the task ids, which never change. A page filtered by tag or detail may be short, or empty, while
 * `next` is set. Throws StoreUnavailableError.
 */
export const listTasks = async (
  deps: Deps,
  filter: TaskFilter,
  limit: number,
  before: TaskId | undefined,
): Promise<TaskPage> => {
  const tasks: Task[] = []
  let now: Instant = 0
  let last = before
  for (let seen = 0; seen < headsPerPageMax;) {
    const headsMax = Math.min(batchSize(filter, limit - tasks.length), headsPerPageMax - seen)
    const heads = await deps.index.listHeads({ ...toHeadQuery(filter), limit: headsMax, ...(last && { before: last }) })
    const loaded = await loadTasks(deps, heads)
    now = loaded.now
    for (const task of loaded.tasks) {
      last = task.taskId
      if (matches(filter, task, now)) tasks.push(task)
      if (tasks.length === limit)
        return { tasks, now, next: heads.length < headsMax && task === loaded.tasks.at(-1) ? undefined : last }
    }
    if (heads.length < headsMax) return { tasks, now, next: undefined }
    last = heads.at(-1)?.taskId
    seen += heads.length
  }
  return { tasks, now, next: last }
}

/** Tag and detail are not in the head: more heads are read at once, because fewer of them match. */
const batchSize = (filter: TaskFilter, missing: number): number =>
  filter.tag === undefined && filter.detail === undefined ? missing + 1 : 200

const toHeadQuery = (filter: TaskFilter): Omit<HeadQuery, 'limit'> => {
  const { detail, tag: _, ...query } = filter
  return detail === undefined ? query : { ...query, status: filter.status ?? statusOf(detail) }
}

const statusOf = (detail: TaskDetail): TaskStatus => {
  switch (detail) {
    case 'scheduled':
    case 'ready':
    case 'retrying':
      return 'PENDING'
    case 'running':
    case 'cancelling':
      return 'PROCESSING'
    case 'succeeded':
      return 'SUCCESS'
    case 'cancelled':
      return 'CANCELLED'
    case 'attempts-exhausted':
    case 'permanent-error':
    case 'payload-invalid':
    case 'crash-loop':
    case 'effect-in-doubt':
    case 'effect-changed':
      return 'FAILED'
  }
}

/** The tasks of the heads, in their order. A task whose stream cannot be read is left out and logged. */
const loadTasks = async (
  deps: Deps,
  heads: readonly Head[],
): Promise<{ readonly now: Instant; readonly tasks: readonly Task[] }> => {
  const { now, streams } = await loadAll(
    { load: (taskIds) => deps.store.loadOutlines(taskIds), logger: deps.logger },
    heads.map((head) => head.taskId),
  )
  const tasks: Task[] = []
  for (const { taskId } of heads) {
    const read = foldStream(streams.get(taskId))
    if (read.kind === 'task') tasks.push(read.task)
    if (read.kind === 'unreadable') {
      deps.logger.error({ taskId, err: read.error }, 'left a task out of a list: its stream could not be read')
    }
  }
  return { now, tasks }
}

/** Judged again by the stream: it was read after the head, and the task may have changed in between. */
const matches = (filter: TaskFilter, task: Task, now: Instant): boolean =>
  (filter.status === undefined || task.status === filter.status) &&
  (filter.detail === undefined || detailOf(task, now) === filter.detail) &&
  (filter.tag === undefined || task.facts.submission.tags.includes(filter.tag))
