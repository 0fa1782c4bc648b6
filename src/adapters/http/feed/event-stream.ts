import { Readable } from 'node:stream'
import type { FeedCursor, FeedEvent, FeedPage } from '#application/ports/events/event-feed.ts'
import type { JsonText } from '#domain/task/events.ts'
import { renderFeedEvent } from '../routes/events/event-view.ts'
import { formatFeedCursor } from './feed-cursor.ts'
import type { FeedTail } from './feed-tail.ts'

/** The media type that a browser's EventSource asks for. */
export const eventStreamMediaType = 'text/event-stream'

interface Following {
  /** The page that was read before the answer began; the stream goes on from its `next`. */
  readonly first: FeedPage
  readonly tail: FeedTail
  /** Ends the stream. */
  readonly signal: AbortSignal
  /** How long the stream says nothing before it sends a comment. Default: 15 seconds. */
  readonly heartbeatMs?: number | undefined
}

const heartbeatMsDefault = 15_000

/**
 * The feed as server-sent events, without end until `signal` aborts.
 *
 * A message is made when the client has taken the one before, and events are read when it has taken those before: for a
 * client that is slow, or stops reading, the process holds one page. Written by hand because `@fastify/sse` writes its
 * heartbeats past the back pressure, and answers refusals in a form of its own.
 */
export const streamFeed = ({ first, tail, signal, heartbeatMs = heartbeatMsDefault }: Following): Readable =>
  Readable.from(
    follow(toPlace(first), (after) => nextOrHeartbeat(tail, after, signal, heartbeatMs)),
    {
      objectMode: false,
      highWaterMark: 1,
    },
  )

/** Where a follower is. */
interface Place {
  /** The last one comes next: it leaves the list, so that nothing is held of what the client takes its time for. */
  readonly untold: FeedEvent[]
  readonly next: FeedCursor
}

const toPlace = ({ events, next }: FeedPage): Place => ({ untold: events.toReversed(), next })

async function* follow(
  begin: Place,
  read: (after: FeedCursor) => Promise<FeedPage | 'silence' | 'over'>,
): AsyncGenerator<string> {
  // Sent at once, so that the client knows that it is connected.
  yield heartbeat
  for (let { untold, next } = begin; ;) {
    for (let told = untold.pop(); told !== undefined; told = untold.pop()) {
      const id = formatFeedCursor(told.cursor)
      yield toMessage(id, renderFeedEvent(id, told.event))
    }
    const found = await read(next)
    if (found === 'over') return
    if (found === 'silence') yield heartbeat
    else ({ untold, next } = toPlace(found))
  }
}

/** A comment, which clients pass over. */
const heartbeat = ':\n\n'

/** JSON text holds no line breaks outside of its strings, where they are escaped. */
const toMessage = (id: string, data: JsonText): string => `id: ${id}\ndata: ${data}\n\n`

/**
 * The next page, or why there is none. A feed that no longer knows its own cursor was restored from another copy: the stream
 * ends, and a client that reconnects is refused with `invalid-cursor`.
 */
const nextOrHeartbeat = async (
  tail: FeedTail,
  after: FeedCursor,
  signal: AbortSignal,
  heartbeatMs: number,
): Promise<FeedPage | 'silence' | 'over'> => {
  const waiting = new AbortController()
  const stop = (): void => waiting.abort()
  const timer = setTimeout(stop, heartbeatMs)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    const found = await tail.next(after, waiting.signal)
    if (found === undefined) return signal.aborted ? 'over' : 'silence'
    return found.kind === 'page' ? found : 'over'
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}
