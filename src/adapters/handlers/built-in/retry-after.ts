/** The longest wait a server is granted, which is also the longest back-off a policy may name. */
const retryAfterMsMax = 604_800_000

/**
 * The wait that a response's `Retry-After` asks for, in whole milliseconds, at most a week. Undefined when it is absent,
 * malformed, zero or past, so that the task's own back-off holds.
 *
 * Seconds or an HTTP date (RFC 9110, 10.2.3). A date is compared with the response's own `Date`, so that clocks which
 * disagree do no harm, and with `now` only when there is none.
 */
export const findRetryAfterMs = (
  retryAfter: string | undefined,
  date: string | undefined,
  now: number,
): number | undefined => {
  if (retryAfter === undefined) return undefined
  const waitMs = /^\d{1,15}$/.test(retryAfter)
    ? Number(retryAfter) * 1_000
    : (parseHttpDate(retryAfter) ?? 0) - (parseHttpDate(date ?? '') ?? now)
  return waitMs > 0 ? Math.min(waitMs, retryAfterMsMax) : undefined
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const datePattern = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/

/** Only the form that servers must send; the two obsolete ones count as malformed. */
const parseHttpDate = (text: string): number | undefined => {
  const [, day, month = '', year, hour, minute, second] = datePattern.exec(text) ?? []
  const monthIndex = months.indexOf(month)
  if (monthIndex === -1) return undefined
  return Date.UTC(Number(year), monthIndex, Number(day), Number(hour), Number(minute), Number(second))
}
