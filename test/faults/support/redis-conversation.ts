import { type Conversation, createDivider, type Part } from './conversation.ts'

/**
 * Commands and replies of Redis, in RESP2 and RESP3. A write is a command that changes what is kept or tells others of it.
 * A connection that subscribes is no conversation of questions and answers any more: nothing on it counts as a write.
 */
export const createRedisConversation = (): Conversation => {
  const asked: Part['kind'][] = []
  let isSubscribed = false
  const requests = createDivider((bytes) => findLength(bytes, 0))
  const answers = createDivider((bytes) => findLength(bytes, 0))

  const takeRequest = (bytes: Buffer): Part => {
    const command = readCommand(bytes)
    if (command.endsWith('SUBSCRIBE')) isSubscribed = true
    const kind = writes.has(command) && !isSubscribed ? 'write' : 'other'
    asked.push(kind)
    return { bytes, kind }
  }

  const takeAnswer = (bytes: Buffer): Part => {
    if (isSubscribed || bytes[0] === push) return { bytes, kind: 'other' }
    return { bytes, kind: asked.shift() ?? 'other' }
  }

  return {
    request: (bytes) => requests.divide(bytes).map(takeRequest),
    answer: (bytes) => answers.divide(bytes).map(takeAnswer),
    rest: answers.rest,
  }
}

const writes = new Set([
  'EVALSHA',
  'EVAL',
  'FCALL',
  'ZADD',
  'ZREM',
  'BZMPOP',
  'ZMPOP',
  'PUBLISH',
  'SPUBLISH',
  'SET',
  'DEL',
])
const push = '>'.charCodeAt(0)

const readCommand = (bytes: Buffer): string => {
  const text = bytes.toString('latin1', 0, 64)
  return (/^\*\d+\r\n\$\d+\r\n([^\r]*)\r\n/.exec(text)?.[1] ?? '').toUpperCase()
}

/** How many elements follow, for each element that is announced. */
const elementsOf: Readonly<Record<string, number>> = { '*': 1, '~': 1, '>': 1, '%': 2, '|': 2 }
const texts = new Set(['$', '=', '!'])

/** Where the value that begins at `from` ends, or undefined when the rest of it has not come. */
const findLength = (bytes: Buffer, from: number): number | undefined => {
  const lineEnd = bytes.indexOf('\r\n', from)
  if (lineEnd < 0) return undefined
  const type = String.fromCharCode(bytes[from] ?? 0)
  const count = Number(bytes.toString('latin1', from + 1, lineEnd))
  const next = lineEnd + 2
  // A length of -1 is a null.
  if (texts.has(type)) return count < 0 ? next : next + count + 2
  let end: number | undefined = next
  const elements = Math.max(0, count) * (elementsOf[type] ?? 0)
  for (let index = 0; index < elements && end !== undefined; index += 1) {
    end = end > bytes.length ? undefined : findLength(bytes, end)
  }
  // An attribute comes before the value that it is about.
  return type === '|' && end !== undefined ? findLength(bytes, end) : end
}
