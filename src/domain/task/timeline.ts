import { evolve } from './evolve.ts'
import type { RecordedEvent } from './events.ts'
import { noTask, type Task, type TaskState } from './state.ts'

/** One event of a history with the state after it. */
export interface TimelineEntry {
  readonly event: RecordedEvent
  readonly stateAfter: Task
}

/** A task's whole history in order of version, each event with the state after it. Throws as `evolve` does. */
export const toTimeline = (events: readonly RecordedEvent[]): readonly TimelineEntry[] => {
  const entries: TimelineEntry[] = []
  let state: TaskState = noTask
  for (const event of events) {
    state = evolve(state, event)
    entries.push({ event, stateAfter: state })
  }
  return entries
}
