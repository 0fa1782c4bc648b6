import { findTaskId } from '#domain/identifiers.ts'
import type { FeedCursor } from '../ports/events/event-feed.ts'

/** The text that names a position in the feed to whoever follows it. To them it is opaque; it fits into any header. */
export const formatFeedCursor = ({ epoch, xid, taskId, version }: FeedCursor): string =>
  [epoch, xid.toString(36), taskId.replaceAll('-', ''), version.toString(36)].join('.')

/** The position that `formatFeedCursor` wrote, or undefined for a text that it never did. */
export const parseFeedCursor = (text: string): FeedCursor | undefined => {
  if (text.length > cursorLengthMax) return undefined
  const [epoch = '', xid = '', id = '', version = ''] = text.split('.')
  const taskId = findTaskId(
    [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-'),
  )
  if (taskId === undefined) return undefined
  const cursor = { epoch, xid: Number.parseInt(xid, 36), taskId, version: Number.parseInt(version, 36) }
  const isPosition = epochPattern.test(epoch) && Number.isSafeInteger(cursor.xid) && cursor.version <= versionMax
  // Only what is written again as the very same text was one of ours.
  return isPosition && cursor.xid >= 0 && cursor.version >= 0 && formatFeedCursor(cursor) === text ? cursor : undefined
}

const cursorLengthMax = 128
const epochPattern = /^[0-9a-z]{1,32}$/
/** What a version can be at most, 32 bits being what is stored. */
const versionMax = 2_147_483_647
