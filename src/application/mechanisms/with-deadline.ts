/**
 * The answer, or a rejection with `toError()` when there is none within `deadlineMs`. What was asked goes on: whoever asked
 * ends it, and a failure that comes too late is nobody's.
 */
export const withDeadline = async <Answer>(
  answer: Promise<Answer>,
  deadlineMs: number,
  toError: () => Error,
): Promise<Answer> => {
  // Raced without this, an answer that fails after the deadline would be a rejection that nobody handles.
  answer.catch(() => {})
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(toError()), deadlineMs)
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
