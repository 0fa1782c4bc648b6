import type { RankedTask } from '#application/ports/heads/runnable-index.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { compareRanked } from '#domain/rank.ts'
import { createSortedList } from '../sorted-list.ts'

/** The ids of one route in order of (rank, id). Each id is held once, at the lowest rank it was added with. */
export interface RankedIds {
  size(): number
  /** Adds an id. Beyond the bound the id with the highest rank is dropped, which may be this one. */
  add(task: RankedTask): void
  first(): RankedTask | undefined
  takeFirst(): RankedTask | undefined
}

export const createRankedIds = (idsMax: number): RankedIds => {
  const tasks = createSortedList<RankedTask>(compareRanked)
  const known = new Map<TaskId, RankedTask>()

  const forget = (task: RankedTask | undefined): RankedTask | undefined => {
    if (task !== undefined) known.delete(task.taskId)
    return task
  }

  return {
    size: () => tasks.size(),
    first: () => tasks.first(),
    takeFirst: () => forget(tasks.takeFirst()),
    add: (task) => {
      const before = known.get(task.taskId)
      if (before !== undefined && before.rank <= task.rank) return
      if (before !== undefined) tasks.remove(before)
      tasks.insert(task)
      known.set(task.taskId, task)
      if (tasks.size() > idsMax) forget(tasks.takeLast())
    },
  }
}
