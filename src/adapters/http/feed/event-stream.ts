import { Readable } from 'node:stream'
import type { FeedReading } from '#application/queries/read-feed.ts'
import type { JsonText } from '#domain/task/events.ts'
import { renderFeedItem } from '../routes/events/event-view.ts'
import type { FeedTail } from './feed-tail.ts'

/** What a browser's EventSource asks for. */
export const eventStreamMediaType = 'text/event-stream'

export type FeedPage = Extract<FeedReading, { readonly kind: 'page' }>

interface Following {
  /** What was found before the answer began, and where to go on. */
  readonly first: FeedPage
  readonly tail: FeedTail
  /** Ends the stream. */
  readonly signal: AbortSignal
  readonly heartbeatMs?: number | undefined
}

const heartbeatMsDefault = 15_000

/**
 * The feed as server-sent events, without end until `signal` aborts.
 *
 * A message is made when the client has taken the one before, and events are read when it has taken those before: one that
 * is slow, or stops reading, holds a page and no more. Written by hand because `@fastify/sse` writes its heartbeats past
 * the back pressure, and answers refusals in a form of its own.
 */
export const streamFeed = (following: Following): Readable =>
  Readable.from(follow(following), { objectMode: false, highWaterMark: 1 })

async function* follow({ first, tail, signal, heartbeatMs = heartbeatMsDefault }: Following): AsyncGenerator<string> {
  // At once, so that the client knows that it is connected.
  yield heartbeat
  for (let page = first; ;) {
    for (const item of page.items) yield toMessage(item.cursor, renderFeedItem(item))
    const news = await nextOrHeartbeat(tail, page.next, signal, heartbeatMs)
    if (news === 'over') return
    if (news === 'silence') {
      yield heartbeat
      page = { ...page, items: [] }
    } else page = news
  }
}

/** A comment, which clients pass over. */
const heartbeat = ':\n\n'

/** JSON text holds no line breaks outside of its strings, where they are escaped. */
const toMessage = (id: string, data: JsonText): string => `id: ${id}\ndata: ${data}\n\n`

/** A feed that no longer knows its own cursor was restored from elsewhere: whoever comes back is told so. */
const nextOrHeartbeat = async (
  tail: FeedTail,
  after: string,
  signal: AbortSignal,
  heartbeatMs: number,
): Promise<FeedPage | 'silence' | 'over'> => {
  const waiting = new AbortController()
  const stop = (): void => waiting.abort()
  const timer = setTimeout(stop, heartbeatMs)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    const news = await tail.next(after, waiting.signal)
    if (news === undefined) return signal.aborted ? 'over' : 'silence'
    return news.kind === 'page' ? news : 'over'
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}
