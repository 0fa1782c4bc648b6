import { describe, expect, test } from 'vitest'
import { findRetryAfterMs } from '#adapters/handlers/built-in/retry-after.ts'

const noon = Date.UTC(2026, 0, 31, 12)
const noonDate = 'Sat, 31 Jan 2026 12:00:00 GMT'

describe('Retry-After', () => {
  test.each([
    ['1', 1_000],
    ['120', 120_000],
    ['007', 7_000],
    ['604800', 604_800_000],
    ['604801', 604_800_000],
    ['999999999999999', 604_800_000],
    ['Sat, 31 Jan 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Feb 2026 00:00:00 GMT', 43_200_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 604_800_000],
  ])('%s asks for %i ms', (text, ms) => {
    expect(findRetryAfterMs(text, undefined, noon)).toBe(ms)
  })

  test.each([
    undefined,
    '',
    '0',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    '9999999999999999',
    'soon',
    noonDate,
    'Sat, 31 Jan 2026 11:59:59 GMT',
    'Sat, 31 Jan 2026 13:00:00 CET',
    'Saturday, 31-Jan-26 13:00:00 GMT',
    'Sat, 31 Foo 2026 13:00:00 GMT',
    '2026-01-31T13:00:00Z',
  ])('%s asks for nothing that makes sense', (text) => {
    expect(findRetryAfterMs(text, undefined, noon)).toBeUndefined()
  })

  test('is compared with the clock of the server that named it', () => {
    const anHourLater = noon + 3_600_000

    expect(findRetryAfterMs('Sat, 31 Jan 2026 12:00:30 GMT', noonDate, anHourLater)).toBe(30_000)
    expect(findRetryAfterMs('Sat, 31 Jan 2026 12:00:30 GMT', 'nonsense', anHourLater)).toBeUndefined()
  })
})
