import type { RecordedEvent, TaskEvent } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'
import { appendId, epoch, taskId } from './task-facts.ts'

/** An event, or an event with the instant it is recorded at. */
export type Step = TaskEvent | { readonly at: Instant; readonly event: TaskEvent }

/** A step recorded `ms` after the submission. */
export const after = (ms: number, event: TaskEvent): Step => ({ at: epoch + ms, event })

/** Records the steps as one task's stream, the first at `epoch`, each later one at the instant of the one before unless it names one. */
export const recorded = (...steps: readonly Step[]): readonly RecordedEvent[] => {
  let recordedAt = epoch
  return steps.map((step, index) => {
    const event = 'event' in step ? step.event : step
    if ('event' in step) recordedAt = step.at
    return { ...event, taskId, version: index + 1, appendId, recordedAt, context: {} }
  })
}
