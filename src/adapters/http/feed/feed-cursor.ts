import type { FeedCursor } from '#application/ports/events/event-feed.ts'
import { findTaskId } from '#domain/identifiers.ts'

/** The position that `formatFeedCursor` wrote, or undefined for a text that it never wrote. */
export const parseFeedCursor = (text: string): FeedCursor | undefined => {
  if (text.length > cursorLengthMax) return undefined
  const [epoch = '', xid = '', id = '', version = ''] = text.split('.')
  const taskId = findTaskId(
    [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-'),
  )
  if (taskId === undefined) return undefined
  const cursor = { epoch, xid: Number.parseInt(xid, 36), taskId, version: Number.parseInt(version, 36) }
  const isPosition = epochPattern.test(epoch) && Number.isSafeInteger(cursor.xid) && cursor.version <= versionMax
  // A number can be written in several ways; only the text that is written again is a cursor.
  return isPosition && cursor.xid >= 0 && cursor.version >= 0 && formatFeedCursor(cursor) === text ? cursor : undefined
}

/** The text by which clients name a position in the feed. To them it is opaque. It fits into a header and an address. */
export const formatFeedCursor = ({ epoch, xid, taskId, version }: FeedCursor): string =>
  [epoch, xid.toString(36), taskId.replaceAll('-', ''), version.toString(36)].join('.')

const cursorLengthMax = 128
const epochPattern = /^[0-9a-z]{1,32}$/
/** The store keeps versions in 32 bits. */
const versionMax = 2_147_483_647

/** Where a cursor stands to another in the order of the feed. Cursors of different epochs have no order. */
export const placeOf = (cursor: FeedCursor, other: FeedCursor): 'before' | 'not-before' | 'unrelated' => {
  if (cursor.epoch !== other.epoch) return 'unrelated'
  return isBefore(cursor, other) ? 'before' : 'not-before'
}

const isBefore = (cursor: FeedCursor, other: FeedCursor): boolean => {
  if (cursor.xid !== other.xid) return cursor.xid < other.xid
  return cursor.taskId === other.taskId ? cursor.version < other.version : cursor.taskId < other.taskId
}
