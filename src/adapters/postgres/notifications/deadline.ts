/** The answer, or an error when there is none within `deadlineMs`. What was asked goes on: whoever asked ends it. */
export const beforeDeadline = async <Answer>(answer: Promise<Answer>, deadlineMs: number): Promise<Answer> => {
  answer.catch(() => {})
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Error(`no answer within ${deadlineMs} ms`))
  }, deadlineMs)
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
