import type { ErrorReport } from '#domain/task/events.ts'

/**
 * Reports whatever a handler threw: its message cut to 4 KiB of UTF-8, its stack to 50 frames and 16 KiB.
 *
 * Never throws, although the value may be no error at all, have getters that throw, or refer to itself. Characters that a
 * store would refuse (NUL, lone surrogates) are replaced, so that no outcome is lost for the wording of its error.
 */
export const toErrorReport = (thrown: unknown): ErrorReport => {
  if (!isObject(thrown)) return { name: 'NonError', message: clean(describe(thrown), messageBytesMax) }
  const name = readText(thrown, 'name')
  const message = readText(thrown, 'message')
  const stack = readText(thrown, 'stack')
  const report = {
    name: clean(name === undefined || name === '' ? 'Error' : name, nameBytesMax),
    message: clean(message ?? describe(thrown), messageBytesMax),
  }
  return stack === undefined ? report : { ...report, stack: toStack(stack) }
}

/** Parses a report that crossed from another process, to the same limits; undefined when it is malformed. */
export const parseErrorReport = (value: unknown): ErrorReport | undefined => {
  if (!isObject(value)) return undefined
  const [name, message, stack] = [readText(value, 'name'), readText(value, 'message'), readText(value, 'stack')]
  if (name === undefined || message === undefined) return undefined
  const report = { name: clean(name, nameBytesMax), message: clean(message, messageBytesMax) }
  return stack === undefined ? report : { ...report, stack: clean(stack, stackBytesMax) }
}

const messageBytesMax = 4_096
const nameBytesMax = 256
const stackBytesMax = 16_384
const framesMax = 50

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

const readText = (source: object, key: 'name' | 'message' | 'stack'): string | undefined => {
  try {
    const value: unknown = Reflect.get(source, key)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
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
const toStack = (stack: string): string => {
  const frames: string[] = []
  for (const line of stack.slice(0, stackLengthRead).split('\n')) {
    if (/^\s+at /.test(line)) frames.push(line.trim())
    if (frames.length === framesMax) break
  }
  return clean(frames.join('\n'), stackBytesMax)
}

/** Far beyond fifty frames behind a long message. */
const stackLengthRead = 200_000

const clean = (text: string, bytesMax: number): string => {
  // One character takes at least one byte, so the rest can be cut off first.
  const short = text.slice(0, bytesMax).toWellFormed().replaceAll('\u0000', '\uFFFD')
  const bytes = new Uint8Array(bytesMax)
  const { read, written } = new TextEncoder().encodeInto(short, bytes)
  return written === 0 ? '' : short.slice(0, read)
}
