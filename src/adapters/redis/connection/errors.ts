/** Redis is away, too slow, or refused service. What was asked for may have been done all the same. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError'
  readonly code = 'redis-unavailable'
}

/** What the server or the client library said, for a log or for a person. */
export const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  return error instanceof Error && error.message !== '' ? error.message : String(error)
}

/**
 * An answer, or an error after `deadlineMs`. The call goes on; whoever made it ends the connection, because on one whose
 * answers are late nothing can be told any more.
 */
export const answerWithin = async <Answer>(deadlineMs: number, answer: Promise<Answer>): Promise<Answer> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new NoAnswerError(`no answer from Redis within ${deadlineMs} ms`)),
    deadlineMs,
  )
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/**
 * Whether a connection must be dropped after this error: its answers are late, or it leads to a server that is no longer
 * the one that takes writes, as after a failover.
 */
export const spoilsConnection = (error: unknown): boolean => {
  const message = messageOf(error)
  return (
    error instanceof NoAnswerError ||
    message === 'Command timed out' ||
    /^(READONLY|MASTERDOWN|LOADING|NOAUTH|UNBLOCKED) /.test(message)
  )
}
