import type { TaskEvent } from '#domain/task/events.ts'

/** How an attempt ended, as labels and attributes say it. */
export type Outcome = 'succeeded' | 'retried' | 'failed' | 'cancelled' | 'released'

/** The outcome that these events of one append record, if they record one. */
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
