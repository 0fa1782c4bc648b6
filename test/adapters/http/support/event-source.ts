import { type ClientRequest, get, type IncomingMessage } from 'node:http'

export interface StreamMessage {
  readonly id: string
  readonly data: { readonly cursor: string; readonly taskId: string; readonly version: number; readonly type: string }
}

/** A stream of the feed, read as a client reads it. The caller closes it. */
export interface EventSource {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** The body of a refusal; empty for a stream. */
  readonly body: string
  readonly messages: readonly StreamMessage[]
  /** How many comments have come. */
  comments(): number
  /** Resolves when the server has ended the stream, or the connection has broken. */
  readonly ended: Promise<void>
  /** Takes no more bytes until `resume`. */
  pause(): void
  resume(): void
  close(): void
}

/** Follows the feed at `url`. Resolves when the answer has begun; calls `onMessage` after each message. */
export const followFeed = async (
  url: string,
  { query = '', lastEventId, onMessage }: FollowOptions = {},
): Promise<EventSource> => {
  const request = get(`${url}/api/events${query}`, {
    agent: false,
    headers: { accept: 'text/event-stream', ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
  })
  const response = await responseOf(request)
  const messages: StreamMessage[] = []
  const ended = Promise.withResolvers<void>()
  let comments = 0
  let rest = ''
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      if (block.startsWith(':')) comments += 1
      const message = parseMessage(block)
      if (message === undefined) continue
      messages.push(message)
      onMessage?.(message)
    }
  })
  response.on('error', () => {})
  response.once('close', ended.resolve)
  if (response.statusCode !== 200) await ended.promise
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: rest,
    messages,
    comments: () => comments,
    ended: ended.promise,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close: () => void request.destroy(),
  }
}

interface FollowOptions {
  readonly query?: string
  readonly lastEventId?: string | undefined
  readonly onMessage?: (message: StreamMessage) => void
}

const responseOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', reject)
  })

const parseMessage = (block: string): StreamMessage | undefined => {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    }),
  )
  const id = fields.get('id')
  const data = fields.get('data')
  return id === undefined || data === undefined ? undefined : { id, data: JSON.parse(data) }
}
