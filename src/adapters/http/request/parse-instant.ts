import type { Instant } from '#domain/time.ts'

const instantPattern =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/**
 * The instant an RFC 3339 text names, in any offset, or undefined when it names none.
 *
 * What is finer than a millisecond is dropped. The pattern is checked before `Date`, which knows looser forms and takes the
 * 30th of February for the 2nd of March.
 */
export const findInstant = (text: string): Instant | undefined => {
  const match = instantPattern.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = match
  const fields = [year, month, day, hour, minute, second].map(Number)
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = fields
  if (h > 23 || mi > 59 || s > 59 || Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(y, mo - 1, d)
  date.setUTCHours(h, mi, s, Number(fraction.slice(0, 3).padEnd(3, '0')))
  if (date.getUTCMonth() !== mo - 1 || date.getUTCDate() !== d) return undefined
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
  return date.getTime() - (sign === '-' ? -offsetMs : offsetMs)
}
