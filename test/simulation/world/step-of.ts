import type { Append } from '#application/ports/events/event-store.ts'
import type { Step } from './steps.ts'

/** The step of the protocol that an append is. */
export const stepOf = ({ events: [first] }: Append): Step => {
  switch (first?.type) {
    case 'Submitted':
      return 'submit'
    case 'Started':
      return 'start'
    case 'Succeeded':
      return 'finish'
    case 'Failed':
      return first.data.cause === 'worker-lost' ? 'recover' : 'finish'
    case 'Released':
      return 'release'
    case 'Cancelled':
      if (first.data.cause === 'requested') return 'change'
      return first.data.cause === 'worker-lost' ? 'recover' : 'finish'
    case 'Rescheduled':
    case 'Retried':
    case 'CancelRequested':
    case undefined:
      return 'change'
  }
}
