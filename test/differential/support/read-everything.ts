import type { QueueSummary } from '#application/ports/heads/task-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { range } from '../../support/task-builders.ts'
import type { Course } from './run-program.ts'
import { withoutInstants } from './without-instants.ts'
import type { DifferentialWorld } from './world.ts'

const statuses = ['PENDING', 'PROCESSING', 'SUCCESS', 'FAILED', 'CANCELLED'] as const
/** Of all queues, page by page. */
const readSummaries = async (index: DifferentialWorld['index']): Promise<readonly QueueSummary[]> => {
  const summaries: QueueSummary[] = []
  for (let found = await index.summarizeQueues(undefined, 1_000); found.length > 0;) {
    summaries.push(...found)
    found = await index.summarizeQueues(summaries.at(-1)?.queue, 1_000)
  }
  return summaries
}

const anHourMs = 3_600_000

/** Every answer that a world gives about the tasks of a program, without instants. */
export const readEverything = async (
  world: DifferentialWorld,
  route: { readonly queue: string; readonly type: string },
  { taskIds, incarnations }: Course,
): Promise<unknown> => {
  const heads = await world.index.findHeads(taskIds)
  const lists = statuses.map((status) => world.index.listHeads({ ...route, status, limit: 1_000 }))
  const summaries = await readSummaries(world.index)
  const [due = []] = await world.runnable.readDue([{ route, after: undefined, limit: 1_000 }])
  const soon = await world.runnable.readDueSoon([route], 2 * anHourMs, 1_000)
  return withoutInstants({
    histories: await Promise.all(taskIds.map((taskId) => readHistory(world, taskId))),
    heads: taskIds.map((taskId) => heads.get(taskId)),
    lists: await Promise.all(lists),
    summary: summaries.filter(({ queue }) => queue === route.queue),
    runs: await Promise.all(incarnations.map((incarnation) => world.runs.listRuns(incarnation, 1_000))),
    cancelling: await Promise.all(incarnations.map((incarnation) => world.runs.listCancelling(incarnation))),
    running: (await world.runs.listRunningIncarnations()).filter((one) => incarnations.includes(one)).toSorted(),
    // They are ordered by instants, which differ between worlds.
    due: due.map(({ taskId }) => taskId).toSorted(),
    soon: soon.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1)),
  })
}

/** Asserts that no instant of a stream steps back: each world must keep to that by its own clock. */
const readHistory = async ({ store }: DifferentialWorld, taskId: TaskId) => {
  const { events } = await store.loadStream(taskId)
  for (const place of range(events.length - 1)) {
    const [before, after] = [events[place]?.recordedAt ?? 0, events[place + 1]?.recordedAt ?? 0]
    if (after < before) throw new Error(`time stepped back in the stream of ${taskId}`)
  }
  return events
}
