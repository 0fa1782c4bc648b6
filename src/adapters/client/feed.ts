import { findJson, invalidAnswer } from './answers.ts'
import { readMessages, type StreamMessage } from './event-stream.ts'
import { TaskfoldError } from './errors.ts'
import { type FeedEvent, isFeedEvent, isPage } from './events.ts'
import type { CallOptions, Exchange } from './exchange.ts'
import { backOffMs } from './repetition.ts'
import { pause } from './deadline.ts'

export interface FeedOptions extends CallOptions {
  /** The cursor to go on after; `latest` for what happens from now on; left out, from the beginning. */
  readonly after?: string | undefined
}

interface EventPage {
  readonly events: readonly FeedEvent[]
  readonly nextCursor: string
}

const eventsPerPage = 500
/** A stream without a byte for so long counts as broken: the server sends a comment every 15 seconds. */
const silenceMsMax = 60_000

/** The feed up to now, page by page. `deadlineMs` is for each page. */
export async function* readFeed(
  exchange: Exchange,
  { after, ...call }: FeedOptions,
): AsyncGenerator<FeedEvent, void, undefined> {
  let cursor = after
  // Ends at the first empty page, which the end of the feed gives.
  for (;;) {
    const page = await readPage(exchange, cursor, eventsPerPage, call)
    if (page.events.length === 0) return
    yield* page.events
    cursor = page.nextCursor
  }
}

/**
 * The feed as it happens, until the loop is left. Each event comes once, across lost connections, because a new connection
 * resumes after the last event. `deadlineMs` is how long a connection may take to be made, repetitions included.
 */
export async function* followFeed(
  exchange: Exchange,
  { after, ...call }: FeedOptions,
): AsyncGenerator<FeedEvent, void, undefined> {
  // A connection that is lost before its first event must resume from here, not from a later `latest`.
  let cursor = after === 'latest' ? (await readPage(exchange, after, 1, call)).nextCursor : after
  for (let withoutEvents = 0; ; withoutEvents += 1) {
    for await (const event of readStream(exchange, cursor, call)) {
      cursor = event.cursor
      withoutEvents = 0
      yield event
    }
    call.signal?.throwIfAborted()
    await pause(backOffMs(withoutEvents, Math.random()), call.signal)
  }
}

/** The events of one connection. Ends when the connection does, whether closed or broken. */
async function* readStream(
  exchange: Exchange,
  cursor: string | undefined,
  { deadlineMs, signal }: CallOptions,
): AsyncGenerator<FeedEvent, void, undefined> {
  const lost = new AbortController()
  const either = signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal])
  const headers = { accept: 'text/event-stream', ...(cursor !== undefined && { 'last-event-id': cursor }) }
  const request = { method: 'GET', path: '/api/events', headers, repeat: 'freely' } as const
  const { body, headers: answered, status } = await exchange.open(request, { deadlineMs, signal: either })
  const isStream = answered.get('content-type')?.startsWith('text/event-stream') === true
  let timer: ReturnType<typeof setTimeout> | undefined
  const restartTimer = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => lost.abort(), silenceMsMax)
  }
  try {
    if (body === null || !isStream) throw invalidAnswer('the feed is no event stream', status)
    restartTimer()
    for await (const message of readMessages(body, restartTimer)) {
      clearTimeout(timer)
      yield toEvent(message)
      restartTimer()
    }
  } catch (error) {
    signal?.throwIfAborted()
    // Other errors are those of a broken connection, in the platform's form: the next connection resumes.
    if (error instanceof TaskfoldError) throw error
  } finally {
    clearTimeout(timer)
    lost.abort()
  }
}

const toEvent = ({ data }: StreamMessage): FeedEvent => {
  const event: unknown = findJson(data)
  if (isFeedEvent(event)) return event
  throw invalidAnswer('a message of the stream is no event')
}

const readPage = async (
  exchange: Exchange,
  cursor: string | undefined,
  limit: number,
  call: CallOptions,
): Promise<EventPage> => {
  const query = new URLSearchParams({ limit: String(limit), ...(cursor !== undefined && { after: cursor }) })
  const page = await exchange.call({ method: 'GET', path: `/api/events?${query.toString()}`, repeat: 'freely' }, call)
  if (!isPage(page) || page.nextCursor === null || !page.items.every(isFeedEvent)) {
    throw invalidAnswer('a page of the feed has another shape')
  }
  return { events: page.items.filter(isFeedEvent), nextCursor: page.nextCursor }
}
