import type { ErrorFacts, ErrorReport } from '#domain/task/events.ts'

/**
 * Reports whatever a handler threw: its message cut to 4 KiB of UTF-8, its stack to 50 frames and 16 KiB, and what it came
 * from within the bounds of `ErrorReport.causes`.
 *
 * Never throws, although the value may be no error at all, have getters that throw, or refer to itself. Characters that a
 * store would refuse (NUL, lone surrogates) are replaced, so that no outcome is lost for the wording of its error.
 */
export const toErrorReport = (thrown: unknown): ErrorReport => {
  const causes = listCauses(thrown)
  const facts = toFacts(thrown, { messageBytes: messageBytesMax, frames: framesMax })
  return causes.length === 0 ? facts : { ...facts, message: facts.message || joinMessages(causes), causes }
}

/** Some errors join others and say nothing themselves, as Node's when it can connect to none of a host's addresses. */
const joinMessages = (causes: readonly ErrorFacts[]): string =>
  clean(causes.map(({ message }) => message).join('; '), messageBytesMax)

/** Parses a report that crossed from another process, to the same limits; undefined when it is malformed. */
export const parseErrorReport = (value: unknown): ErrorReport | undefined => {
  const facts = parseFacts(value)
  if (facts === undefined) return undefined
  const causes = membersOf(value, 'causes')
    .map(parseFacts)
    .filter((cause) => cause !== undefined)
  return causes.length === 0 ? facts : { ...facts, causes: withinBudget(causes) }
}

const parseFacts = (value: unknown): ErrorFacts | undefined => {
  const [name, message, stack] = [readText(value, 'name'), readText(value, 'message'), readText(value, 'stack')]
  if (name === undefined || message === undefined) return undefined
  return {
    name: clean(name, nameBytesMax),
    message: clean(message, messageBytesMax),
    ...readCode(value),
    ...(stack !== undefined && { stack: clean(stack, stackBytesMax) }),
  }
}

const messageBytesMax = 4_096
const nameBytesMax = 256
const stackBytesMax = 16_384
const framesMax = 50

const causesMax = 10
const depthMax = 5
const causesBytesMax = 8_192
const causeLimits = { messageBytes: 1_024, frames: 10 }

/** What `thrown` came from, each error once, as deep and as many as the bounds allow. */
const listCauses = (thrown: unknown): readonly ErrorFacts[] => {
  const causes: ErrorFacts[] = []
  const seen = new Set<unknown>([thrown])
  const visit = (error: unknown, depth: number): void => {
    for (const origin of originsOf(error)) {
      if (seen.has(origin) || causes.length === causesMax) continue
      seen.add(origin)
      causes.push(toFacts(origin, causeLimits))
      if (depth < depthMax) visit(origin, depth + 1)
    }
  }
  visit(thrown, 1)
  return withinBudget(causes)
}

/** The first causes whose texts fit together; one that fits only without its stack goes without. */
const withinBudget = (causes: readonly ErrorFacts[]): readonly ErrorFacts[] => {
  const kept: ErrorFacts[] = []
  let bytesLeft = causesBytesMax
  for (const cause of causes) {
    const { stack = '', ...facts } = cause
    const bytes = Buffer.byteLength(facts.name + facts.message)
    const stackBytes = Buffer.byteLength(stack)
    if (bytes > bytesLeft) break
    const withStack = bytes + stackBytes <= bytesLeft
    bytesLeft -= withStack ? bytes + stackBytes : bytes
    kept.push(withStack ? cause : facts)
  }
  return kept
}

/**
 * What an error names as its origin: its `cause`, the `errors` of an AggregateError, both halves of a SuppressedError. A cause
 * that is no error counts unless the message says it already.
 */
const originsOf = (error: unknown): readonly unknown[] => {
  if (!isObject(error)) return []
  const cause = read(error, 'cause')
  const message = readText(error, 'message') ?? ''
  const isNews = cause !== undefined && cause !== null && !(typeof cause === 'string' && message.includes(cause))
  const others = [...membersOf(error, 'errors'), read(error, 'error'), read(error, 'suppressed')].filter(
    (other) => readText(other, 'message') !== undefined,
  )
  return isNews ? [cause, ...others] : others
}

/** The first members of a list; none when it is no list. */
const membersOf = (source: unknown, key: string): readonly unknown[] => {
  const listed = read(source, key)
  try {
    return Array.isArray(listed) ? Array.from<unknown>(listed.slice(0, causesMax)) : []
  } catch {
    return []
  }
}

const toFacts = (thrown: unknown, { messageBytes, frames }: typeof causeLimits): ErrorFacts => {
  if (!isObject(thrown)) return { name: 'NonError', message: clean(describe(thrown), messageBytes) }
  const name = readText(thrown, 'name')
  const stack = readText(thrown, 'stack')
  return {
    name: clean(name === undefined || name === '' ? 'Error' : name, nameBytesMax),
    message: clean(readText(thrown, 'message') ?? describe(thrown), messageBytes),
    ...readCode(thrown),
    ...(stack !== undefined && { stack: toStack(stack, frames) }),
  }
}

/** Only what looks like a code: some libraries put whole sentences there. */
const codePattern = /^[A-Za-z0-9_.:-]{1,64}$/

const readCode = (source: unknown): Pick<ErrorFacts, 'code'> => {
  const code = read(source, 'code')
  const text = Number.isSafeInteger(code) ? String(code) : code
  return typeof text === 'string' && codePattern.test(text) ? { code: text } : {}
}

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

const read = (source: unknown, key: string): unknown => {
  try {
    return isObject(source) ? Reflect.get(source, key) : undefined
  } catch {
    return undefined
  }
}

const readText = (source: unknown, key: 'name' | 'message' | 'stack'): string | undefined => {
  const value = read(source, key)
  return typeof value === 'string' ? value : undefined
}

const describe = (value: unknown): string => {
  try {
    if (typeof value === 'string') return value
    if (!isObject(value)) return String(value)
    return JSON.stringify(value) ?? Object.prototype.toString.call(value)
  } catch {
    return 'something that cannot be described was thrown'
  }
}

/** The lines that are frames; those before them repeat the message, which may be long. */
const toStack = (stack: string, max: number): string => {
  const frames: string[] = []
  for (const line of stack.slice(0, stackLengthRead).split('\n')) {
    if (/^\s+at /.test(line)) frames.push(line.trim())
    if (frames.length === max) break
  }
  return clean(frames.join('\n'), stackBytesMax)
}

/** Far beyond fifty frames behind a long message. */
const stackLengthRead = 200_000

const clean = (text: string, bytesMax: number): string => {
  // One character takes at least one byte, so the rest can be cut off first.
  const short = text.slice(0, bytesMax).toWellFormed().replaceAll('\u0000', '\uFFFD')
  const bytes = new Uint8Array(bytesMax)
  const { read: length, written } = new TextEncoder().encodeInto(short, bytes)
  return written === 0 ? '' : short.slice(0, length)
}
