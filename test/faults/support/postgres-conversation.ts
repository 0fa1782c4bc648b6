import { type Conversation, createDivider, type Part } from './conversation.ts'

/**
 * The frontend and backend messages of PostgreSQL, without TLS. A request is all that the client sends up to the message after
 * which it waits: Sync, a simple Query, or any message that stands alone. A write is a request outside of a transaction whose
 * text names a function or a statement that writes, or the COMMIT of a transaction. Its answer is complete with
 * ReadyForQuery, which the server sends after the commit.
 */
export const createPostgresConversation = (): Conversation => {
  const statements = new Map<string, string>()
  /** Of requests without an answer yet, whether each is a write: the oldest first. */
  const asked: Part['kind'][] = []
  let isStarted = false
  let awaitsByte = false
  let transaction = 'I'
  let begun: Buffer[] = []
  let text = ''
  let answered: Buffer[] = []

  const requests = createDivider((bytes) => {
    if (isStarted) return bytes.length < 5 ? undefined : 1 + bytes.readInt32BE(1)
    return bytes.length < 8 ? undefined : bytes.readInt32BE(0)
  })
  const answers = createDivider((bytes) => {
    if (awaitsByte) return bytes.length === 0 ? undefined : 1
    return bytes.length < 5 ? undefined : 1 + bytes.readInt32BE(1)
  })

  /** The connection's first message has no type. */
  const takeFirst = (message: Buffer): Part => {
    if (encryptionRequests.has(message.readInt32BE(4))) awaitsByte = true
    else isStarted = true
    return { bytes: message, kind: 'other' }
  }

  const takeRequest = (message: Buffer): Part | undefined => {
    if (!isStarted) return takeFirst(message)
    const type = String.fromCharCode(message[0] ?? 0)
    begun.push(message)
    const [first = '', second = ''] = readStrings(message)
    if (type === 'P') {
      statements.set(first, second)
      text += ` ${second}`
    }
    if (type === 'B') text += ` ${statements.get(second) ?? ''}`
    if (type === 'Q') text += ` ${first}`
    if (continued.has(type)) return undefined
    const isWrite = transaction === 'I' ? writes.test(text) : ends.test(text)
    const kind = isWrite && answeredTypes.has(type) ? 'write' : 'other'
    const bytes = Buffer.concat(begun)
    if (answeredTypes.has(type)) asked.push(kind)
    begun = []
    text = ''
    return { bytes, kind }
  }

  const takeAnswer = (message: Buffer): Part | undefined => {
    if (awaitsByte) {
      awaitsByte = false
      return { bytes: message, kind: 'other' }
    }
    const kind = asked[0] ?? 'other'
    answered.push(message)
    const isReady = message[0] === readyForQuery
    if (isReady) {
      transaction = String.fromCharCode(message[5] ?? 0)
      asked.shift()
    }
    if (kind === 'write' && !isReady) return undefined
    const bytes = Buffer.concat(answered)
    answered = []
    return { bytes, kind }
  }

  return {
    request: (bytes) => requests.divide(bytes).flatMap((message) => takeRequest(message) ?? []),
    answer: (bytes) => answers.divide(bytes).flatMap((message) => takeAnswer(message) ?? []),
    rest: () => Buffer.concat([...answered, answers.rest()]),
  }
}

const encryptionRequests = new Set([80_877_103, 80_877_104])
/** Parse, Bind, Describe, Execute and Close: more follows before the server says anything. */
const continued = new Set(['P', 'B', 'D', 'E', 'C'])
/** Query and Sync, each of which ReadyForQuery answers. The answer to the first one of a session follows the password. */
const answeredTypes = new Set(['Q', 'S'])
const readyForQuery = 'Z'.charCodeAt(0)
const writes = /\b(append|durably|insert|update|delete|push_hints|pull_hints|learn_routes|truncate)\b/i
const ends = /^\s*commit\b/i

/** The first two texts of a message, which end with a zero. */
const readStrings = (message: Buffer): readonly string[] => {
  const first = message.indexOf(0, 5)
  if (first < 0) return []
  const second = message.indexOf(0, first + 1)
  return [message.toString('utf8', 5, first), second < 0 ? '' : message.toString('utf8', first + 1, second)]
}
