import type { TaskId } from '#domain/identifiers.ts'
import type { ActiveRun } from './active-run.ts'

/** Runs whose outcome is open: at most one a task, because only one run is in force. */
export interface OpenRuns {
  add(run: ActiveRun): void
  find(taskId: TaskId): ActiveRun | undefined
  /** Does nothing when another run of the task is there, or none. */
  delete(run: ActiveRun): void
  values(): Iterable<ActiveRun>
  size(): number
}

/**
 * The map holds places only, the runs stand in an array. A map that values pass through leaves its outgrown tables behind,
 * each with the values it held then, and such a table soon counts as old: whatever it points to survives until the next
 * full collection. It was most of what the collector had to copy for a task.
 */
export const createOpenRuns = (): OpenRuns => {
  const places = new Map<TaskId, number>()
  const runs: (ActiveRun | undefined)[] = []
  const free: number[] = []

  return {
    add: (run) => {
      const place = places.get(run.task.taskId) ?? free.pop() ?? runs.length
      places.set(run.task.taskId, place)
      runs[place] = run
    },
    find: (taskId) => {
      const place = places.get(taskId)
      return place === undefined ? undefined : runs[place]
    },
    delete: (run) => {
      const place = places.get(run.task.taskId)
      if (place === undefined || runs[place] !== run) return
      places.delete(run.task.taskId)
      runs[place] = undefined
      free.push(place)
    },
    values: () => runs.filter((run) => run !== undefined),
    size: () => places.size,
  }
}
