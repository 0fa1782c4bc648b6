import { TaskfoldError } from './errors.ts'

/**
 * What `make` makes of the options of a call. Throws TaskfoldError `invalid-request` where no request can be made of them: a
 * payload that is no JSON (a bigint, a circle), a date that is none, text that no header or address may hold.
 */
export const toSendable = <Made>(what: string, make: () => Made): Made => {
  try {
    return make()
  } catch (error) {
    if (error instanceof TaskfoldError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new TaskfoldError('invalid-request', `${what} cannot be sent: ${why}`, { cause: error })
  }
}

/** RFC 3339. Throws TaskfoldError `invalid-request` for a date that is none. */
export const toInstantText = (instant: Date | string): string =>
  instant instanceof Date ? toSendable('a date', () => instant.toISOString()) : instant

/** `/api/tasks/{id}`. Throws TaskfoldError `invalid-request` for half a surrogate pair. */
export const toTaskPath = (taskId: string): string =>
  `/api/tasks/${toSendable('an id', () => encodeURIComponent(taskId))}`
