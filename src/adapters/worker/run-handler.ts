import { type HandlerContext, PayloadInvalidError, type TaskHandler } from '#application/ports/task-handler.ts'
import type { JsonText } from '#domain/task-events.ts'

/** How a handler ended. */
export type HandlerEnding =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }

/**
 * Runs one attempt in this process, its payload parsed only now: a payload that kills the process has spent an attempt.
 * Never rejects, whatever the handler does.
 */
export const runHandler = async (
  handler: TaskHandler,
  payload: JsonText,
  context: HandlerContext,
): Promise<HandlerEnding> => {
  try {
    return { kind: 'returned', value: await handler.run(parsePayload(payload), context) }
  } catch (error) {
    return { kind: 'threw', error }
  }
}

const parsePayload = (payload: JsonText): unknown => {
  try {
    return JSON.parse(payload)
  } catch (error) {
    throw new PayloadInvalidError('the payload is not JSON', { cause: error })
  }
}
