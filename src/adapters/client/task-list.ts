import type { TaskDetail, TaskStatus } from '#domain/task/state.ts'
import { invalidAnswer } from './answers.ts'
import { isPage } from './events.ts'
import type { CallOptions, Exchange } from './exchange.ts'
import { toInstantText } from './sendable.ts'
import { isTaskSummary, type TaskSummary } from './task.ts'

export interface ListOptions extends CallOptions {
  readonly status?: TaskStatus | undefined
  readonly detail?: TaskDetail | undefined
  readonly type?: string | undefined
  readonly queue?: string | undefined
  readonly tag?: string | undefined
  readonly submittedAfter?: Date | string | undefined
  readonly submittedBefore?: Date | string | undefined
  /** How many tasks to fetch at a time, 1 to 200. Default 50. */
  readonly pageSize?: number | undefined
}

/** The tasks that match, newest first, page by page as the loop asks for them. `deadlineMs` is for each page. */
export async function* listTasks(
  exchange: Exchange,
  { deadlineMs, signal, pageSize = 50, ...filter }: ListOptions,
): AsyncGenerator<TaskSummary, void, undefined> {
  const query = new URLSearchParams({ limit: String(pageSize) })
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, toInstantText(value))
  }
  // Ends with the last page: pages go back in time, and tasks submitted meanwhile are newer than the first page.
  for (;;) {
    const request = { method: 'GET', path: `/api/tasks?${query.toString()}`, repeat: 'freely' } as const
    const page = await exchange.call(request, { deadlineMs, signal })
    if (!isPage(page) || !page.items.every(isTaskSummary)) throw invalidAnswer('a page of tasks has another shape')
    yield* page.items.filter(isTaskSummary)
    if (page.nextCursor === null) return
    query.set('cursor', page.nextCursor)
  }
}
