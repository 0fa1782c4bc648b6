/**
 * The answer, or a rejection with `toError()` when there is none within `deadlineMs`. What was asked goes on: whoever asked
 * ends it, and a failure that comes too late is nobody's.
 *
 * An answer that is there when the deadline is noticed counts as in time: where handlers hold the event loop for seconds the
 * timer fires before what has long arrived is read, and nothing would ever be in time. So the loop turns once more first.
 */
export const withDeadline = async <Answer>(
  answer: Promise<Answer>,
  deadlineMs: number,
  toError: () => Error,
): Promise<Answer> => {
  // Raced without this, an answer that fails after the deadline would be a rejection that nobody handles.
  answer.catch(() => {})
  const late = Promise.withResolvers<never>()
  let turn: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    turn = setImmediate(() => {
      turn = setImmediate(() => late.reject(toError()))
    })
  }, deadlineMs)
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
    clearImmediate(turn)
  }
}
