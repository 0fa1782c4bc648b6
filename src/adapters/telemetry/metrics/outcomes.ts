import type { TaskEvent } from '#domain/task/events.ts'

/** What became of an attempt, as labels and attributes say it. */
export type Outcome = 'succeeded' | 'retried' | 'failed' | 'cancelled' | 'released'

/** The outcome that an append tells of, if it tells of one. */
export const findOutcome = (events: readonly TaskEvent[]): Outcome | undefined => {
  for (const event of events) {
    switch (event.type) {
      case 'Succeeded':
        return 'succeeded'
      case 'Failed':
        return event.data.final ? 'failed' : 'retried'
      case 'Cancelled':
        return 'cancelled'
      case 'Released':
        return 'released'
      case 'Submitted':
      case 'Started':
      case 'Retried':
      case 'Rescheduled':
      case 'CancelRequested':
        break
    }
  }
  return undefined
}

/** Whether the task has ended with it. */
export const isEnd = (outcome: Outcome): boolean => outcome !== 'retried' && outcome !== 'released'
