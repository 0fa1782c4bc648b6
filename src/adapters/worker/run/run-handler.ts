import { type HandlerContext, PayloadInvalidError, type TaskHandler } from '#application/ports/task-handler.ts'
import type { JsonText } from '#domain/task/events.ts'
import { type HandlerEnding, toReturned, toThrown } from './handler-ending.ts'

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
    return toReturned(await handler.run(parsePayload(payload), context))
  } catch (error) {
    return toThrown(error)
  }
}

const parsePayload = (payload: JsonText): unknown => {
  try {
    return JSON.parse(payload)
  } catch (error) {
    throw new PayloadInvalidError('the payload is not JSON', { cause: error })
  }
}
