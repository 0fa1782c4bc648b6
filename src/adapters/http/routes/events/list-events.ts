import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { eventsPerPageMax, type FeedPage } from '#application/ports/events/event-feed.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import { eventStreamMediaType, streamFeed } from '../../feed/event-stream.ts'
import { formatFeedCursor, parseFeedCursor } from '../../feed/feed-cursor.ts'
import type { FeedTail } from '../../feed/feed-tail.ts'
import { ProblemError, storeRefusals } from '../../problems/problems.ts'
import { findAcceptable } from '../../request/request-headers.ts'
import { createEndpoint, noBody, type Endpoint } from '../../endpoint.ts'
import { pageLimit } from '../../request/value-schemas.ts'
import { fillPage } from '../fill-page.ts'
import { eventExample, eventView, renderFeedEvent } from './event-view.ts'

interface Deps {
  readonly operations: TaskOperations
  readonly tail: FeedTail
  readonly logger: Logger
  readonly heartbeatMs?: number | undefined
}

const eventsPerPageDefault = 100

const feedView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          cursor: z.string().meta({ description: 'Resumes after this event.' }),
          taskId: z.uuid(),
          ...eventView,
        })
        .meta({ id: 'FeedEvent' }),
    ),
    nextCursor: z.string().meta({ description: 'Where to read on; repeat it to follow.' }),
  })
  .meta({ id: 'FeedPage' })

const cursorExample = '9f86d081884c7d65.2n9c.019b76daa8007c3e8f6e2f1d9c0b5a41.1'

const feedExample = {
  items: [{ cursor: cursorExample, taskId: '019b76da-a800-7c3e-8f6e-2f1d9c0b5a41', ...eventExample }],
  nextCursor: cursorExample,
}

const feedQuery = z.strictObject({
  after: z.string().exactOptional().meta({
    description: 'A cursor, or `latest` for what happens from now on; from the beginning when left out.',
  }),
  limit: pageLimit(eventsPerPageMax, eventsPerPageDefault).exactOptional(),
})

/** `GET /api/events`: every event of every task in one stable order, page by page or as a stream. */
export const createListEventsEndpoint = ({ operations, tail, logger, heartbeatMs }: Deps): Endpoint =>
  createEndpoint({
    method: 'GET',
    path: '/api/events',
    operationId: 'listEvents',
    summary: 'Read or follow all events of all tasks',
    description:
      'One order that never changes, in which the events of a task keep theirs. Preferred as text/event-stream it is followed without end: the data of each message is an item as in JSON, its id is the cursor. A page may hold fewer than limit while there are more; only an empty one means that the end is reached for now.',
    query: feedQuery,
    body: noBody,
    requestHeaders: { 'Last-Event-ID': 'Of a stream: resumes after this cursor, whatever `after` says.' },
    answers: {
      200: {
        description: 'A page, or a stream.',
        schema: feedView,
        example: feedExample,
        streamMediaType: eventStreamMediaType,
      },
    },
    refusals: ['invalid-cursor', 'validation-failed', ...storeRefusals],
    handle: async ({ query: { after, limit = eventsPerPageDefault }, headers, whenOver, hold }) => {
      const mediaType = findAcceptable(headers.accept, ['application/json', eventStreamMediaType])
      const read = (cursor: string | undefined) => readFrom(cursor, limit, { operations, tail })
      if (mediaType !== eventStreamMediaType) {
        return { status: 200, body: renderPage(await read(after)), headers: { vary } }
      }
      hold('stream', 1)
      const first = await read(resumeFrom(headers) ?? after)
      const body = streamFeed({ first, tail, signal: whenOver(), heartbeatMs })
      body.once('error', (error) => logger.error({ err: error }, 'ended a stream: the feed could not be read on'))
      return { status: 200, body, mediaType: eventStreamMediaType, headers: streamHeaders }
    },
  })

/** The same address answers in two forms. */
const vary = 'accept'

/** A proxy must not buffer a stream. */
const streamHeaders = { vary, 'x-accel-buffering': 'no' }

/** `after` as a client writes it: the text of a cursor, or `latest`. */
const readFrom = async (
  after: string | undefined,
  limit: number,
  { operations, tail }: Pick<Deps, 'operations' | 'tail'>,
): Promise<FeedPage> => {
  if (after === 'latest') return { kind: 'page', events: [], next: await operations.readFeedEnd() }
  const cursor = after === undefined ? undefined : parseFeedCursor(after)
  if (after !== undefined && cursor === undefined) throw invalidCursor()
  const reading = await tail.read(cursor, limit)
  if (reading.kind === 'unknown-cursor') throw invalidCursor()
  return reading
}

const invalidCursor = (): ProblemError =>
  new ProblemError('invalid-cursor', 'Use a cursor as this feed gave it, or latest.')

/** An EventSource that reconnects repeats its address, so this header goes before `after`. */
const resumeFrom = (headers: IncomingHttpHeaders): string | undefined => {
  const id = headers['last-event-id']
  return id === undefined ? undefined : String(id)
}

const renderPage = ({ events, next }: FeedPage): string => {
  const items = fillPage(events, ({ cursor, event }) => renderFeedEvent(formatFeedCursor(cursor), event))
  const last = items.length < events.length ? events[items.length - 1]?.cursor : undefined
  return `{"items":[${items.join(',')}],"nextCursor":${JSON.stringify(formatFeedCursor(last ?? next))}}`
}
