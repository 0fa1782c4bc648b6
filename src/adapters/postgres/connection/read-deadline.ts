import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { classifyFailure } from './errors.ts'
import { toOutage } from './outage.ts'

/** How long a reader waits in all: for a connection and for the answer. A store that is away must show within two seconds. */
const readDeadlineMs = 1_800

/**
 * The answer to a read. Throws StoreUnavailableError when the server is away or gives no answer within `readDeadlineMs`.
 * The query itself may go on for longer: it ends by the deadline of its pool (driver.ts).
 */
export const withReadDeadline = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
  try {
    return await withDeadline(answer, readDeadlineMs, toLateError)
  } catch (error) {
    throw toReadError(error)
  }
}

const toLateError = (): Error =>
  new StoreUnavailableError(`Postgres did not answer within ${readDeadlineMs} ms`, 'not-stored')

/** A server that is away is an expected breakdown. A statement that the server refused for its content is a mistake of ours. */
const toReadError = (error: unknown): unknown =>
  error instanceof StoreUnavailableError || classifyFailure(error) === 'content' ? error : toOutage(error, 'not-stored')
