import { withDeadline } from '#application/mechanisms/with-deadline.ts'

/** Redis is away, too slow, or refused the command, which may have been done all the same. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError'
  readonly code = 'redis-unavailable'
}

/** The message of the server or the client library, for a log or for a person. */
export const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  return error instanceof Error && error.message !== '' ? error.message : String(error)
}

/**
 * The answer, or a rejection with NoAnswerError when Redis gives none within `deadlineMs`. The command is not taken back: the
 * caller ends the connection, because after one late answer it cannot be told which command a later answer belongs to.
 */
export const withRedisDeadline = <Answer>(answer: Promise<Answer>, deadlineMs: number): Promise<Answer> =>
  withDeadline(answer, deadlineMs, () => new NoAnswerError(`no answer from Redis within ${deadlineMs} ms`))

class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/**
 * Whether a connection must be dropped after this error: its answers are late, or its server takes no writes any more, as
 * after a failover.
 */
export const spoilsConnection = (error: unknown): boolean => {
  const message = messageOf(error)
  return (
    error instanceof NoAnswerError ||
    message === 'Command timed out' ||
    /^(READONLY|MASTERDOWN|LOADING|NOAUTH|UNBLOCKED) /.test(message)
  )
}
