import { describe, expect, it } from 'vitest'
import { formatFeedCursor, parseFeedCursor } from '#adapters/http/feed/feed-cursor.ts'
import { mintTaskId } from '../../../support/ids.ts'

const cursor = { epoch: '0123456789abcdef', xid: 7_654_321, taskId: mintTaskId(), version: 12 }

describe('the text of a feed cursor', () => {
  it.each([
    cursor,
    { ...cursor, xid: 0, version: 0 },
    { ...cursor, xid: Number.MAX_SAFE_INTEGER, version: 2_147_483_647 },
  ])('names the position it was written for: %o', (position) => {
    expect(parseFeedCursor(formatFeedCursor(position))).toEqual(position)
  })

  it('is made of characters that need no escape in an address', () => {
    expect(formatFeedCursor(cursor)).toMatch(/^[0-9a-z.]{1,128}$/)
  })

  const text = formatFeedCursor(cursor)
  it.each([
    '',
    'latest',
    '....',
    ` ${text}`,
    `${text} `,
    `${text}.`,
    text.toUpperCase(),
    text.slice(1).slice(text.indexOf('.') - 1),
    text.slice(0, -1),
    text.replace(/\.([^.]+)\./, '.0$1.'),
    text.replace(/\.([^.]+)\./, '.-$1.'),
    text.replace(/\.([^.]+)\./, '.zzzzzzzzzzzzzzzzzzzzz.'),
    formatFeedCursor({ ...cursor, version: 2_147_483_648 }),
    formatFeedCursor({ ...cursor, version: Number.NaN }),
    text.padEnd(10_000, '0'),
  ])('is refused when formatFeedCursor never wrote it: %j', (broken) => {
    expect(parseFeedCursor(broken)).toBeUndefined()
  })
})
