import type { TaskId } from '#domain/identifiers.ts'
import { toHead } from '#domain/task/head.ts'
import { isSameHead } from '../recovery/head-repair.ts'
import type { TaskProbe } from '../ports/diagnostics.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { Random } from '../ports/surroundings/identities.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import { foldStream } from '../runs/fold-stream.ts'
import { loadAll } from '../runs/load-in-parts.ts'
import { type Finding, nameSome, ok, trouble } from './finding.ts'

interface Deps {
  readonly taskProbe: TaskProbe
  readonly index: Pick<TaskIndex, 'findHeads'>
  readonly store: Pick<EventStore, 'loadOutlines'>
  readonly random: Random
}

const sampleSize = 500
const pointsCount = 20

/** Compares heads with the folds of their events: of all tasks up to 500, of a random sample when there are more. */
export const checkHeads = async (deps: Deps): Promise<readonly Finding[]> => {
  const points = Array.from({ length: pointsCount }, () => deps.random())
  const taskIds = await deps.taskProbe.sampleTaskIds(points, sampleSize)
  const suspects = await findUnlike(deps, taskIds)
  // A task that moved between the reads of head and stream looks unlike as well: what differs is read once more.
  const { unlike, unreadable } = await findUnlike(deps, [...suspects.unlike, ...suspects.unreadable])
  const findings: Finding[] = []
  if (unlike.length > 0) {
    const what = `of ${taskIds.length} tasks ${unlike.length} have heads unlike their events: ${nameSome(unlike)}`
    findings.push(trouble('heads-unlike-events', what, 'run `taskfold rebuild`, which writes all heads anew'))
  }
  if (unreadable.length > 0) {
    const what = `of ${taskIds.length} histories ${unreadable.length} cannot be read: ${nameSome(unreadable)}`
    findings.push(trouble('histories-unreadable', what, 'run the release that wrote them, or restore these events'))
  }
  return findings.length > 0 ? findings : [ok('heads', `${taskIds.length} heads were compared with their events`)]
}

interface Unlike {
  readonly unlike: readonly TaskId[]
  readonly unreadable: readonly TaskId[]
}

const findUnlike = async ({ index, store }: Deps, taskIds: readonly TaskId[]): Promise<Unlike> => {
  if (taskIds.length === 0) return { unlike: [], unreadable: [] }
  const heads = await index.findHeads(taskIds)
  const { streams } = await loadAll({ load: (ids) => store.loadOutlines(ids) }, taskIds)
  const unlike: TaskId[] = []
  const unreadable: TaskId[] = []
  for (const taskId of taskIds) {
    const read = foldStream(streams.get(taskId))
    if (read.kind === 'unreadable') unreadable.push(taskId)
    else if (read.kind === 'none' || !isSameHead(heads.get(taskId), toHead(read.task))) unlike.push(taskId)
  }
  return { unlike, unreadable }
}
