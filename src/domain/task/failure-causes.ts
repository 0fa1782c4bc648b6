import type { FailureCause } from './events.ts'
import type { FailedDetail } from './state.ts'

interface EndingCause {
  /** The failure of this cause, counted since the opening, that ends the task whatever attempts are left. */
  readonly finalAt: number
  readonly detail: FailedDetail
}

/** The causes that end a task by themselves. A failure of any other cause ends it only with the last attempt. */
const endingCauses: Readonly<Record<FailureCause, EndingCause | undefined>> = {
  'handler-error': undefined,
  timeout: undefined,
  'worker-lost': undefined,
  crash: { finalAt: 2, detail: 'crash-loop' },
  'permanent-error': { finalAt: 1, detail: 'permanent-error' },
  'payload-invalid': { finalAt: 1, detail: 'payload-invalid' },
  'effect-in-doubt': { finalAt: 1, detail: 'effect-in-doubt' },
  'effect-changed': { finalAt: 1, detail: 'effect-changed' },
}

/**
 * The detail of a task that `cause` ends by itself, or undefined when only spent attempts can end it. `crashes` counts those
 * since the opening, this failure included.
 */
export const findEndingDetail = (cause: FailureCause, crashes: number): FailedDetail | undefined => {
  const ending = endingCauses[cause]
  const failures = cause === 'crash' ? crashes : 1
  return ending !== undefined && failures >= ending.finalAt ? ending.detail : undefined
}
