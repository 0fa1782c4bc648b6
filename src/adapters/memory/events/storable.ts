import { type Append, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import { judgeKey } from '#application/ports/events/submit-keys.ts'
import type { EventContext, JsonText, TaskEvent } from '#domain/task/events.ts'

/** The most UTF-8 bytes one event may have as text, its context included: eight times what a payload may have. */
const eventBytesMax = 2_097_152

/**
 * Throws UnstorableAppendError for content that a UTF-8 database could not store and give back unchanged: a NUL character or
 * half a surrogate pair in any string, written out or as a JSON escape; a payload or result that is not JSON; an event of
 * more than `eventBytesMax`.
 */
export const assertStorable = (append: Append): void => {
  const fault = append.key && judgeKey(append.key)
  if (fault !== undefined) throw new UnstorableAppendError(fault)
  for (const event of append.events) {
    const { members, body } = split(event)
    const texts = [toText(members), toText(append.context), ...(body === undefined ? [] : [body])]
    for (const text of texts) assertCharacters(text)
    if (body !== undefined) assertJson(body)
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    if (bytes > eventBytesMax) throw new UnstorableAppendError(`an event weighs more than ${eventBytesMax} bytes`)
  }
}

/** An event's JSON text, and its other members, which hold plain strings. */
const split = (event: TaskEvent): { readonly members: object; readonly body?: JsonText } => {
  switch (event.type) {
    case 'Submitted': {
      const { payload, ...members } = event.data
      return { members, body: payload }
    }
    case 'Succeeded': {
      const { result, ...members } = event.data
      return { members, body: result }
    }
    case 'Started':
    case 'Failed':
    case 'Retried':
    case 'Released':
    case 'Rescheduled':
    case 'CancelRequested':
    case 'Cancelled':
      return { members: event.data }
  }
}

/** JSON.stringify writes NUL and half surrogate pairs as escapes, so plain strings and JSON text are judged alike. */
const toText = (members: object | EventContext): JsonText => JSON.stringify(members)

const assertCharacters = (text: JsonText): void => {
  const spelledOut = text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|.)/g, (_escape, digits: string | undefined) =>
    // Every other escape is a storable character. A space keeps its neighbours apart: they must not form a surrogate pair.
    digits === undefined ? ' ' : String.fromCharCode(Number.parseInt(digits, 16)),
  )
  if (!text.isWellFormed() || !spelledOut.isWellFormed()) throw new UnstorableAppendError('half a surrogate pair')
  if (spelledOut.includes('\0')) throw new UnstorableAppendError('a NUL character')
}

const assertJson = (text: JsonText): void => {
  try {
    JSON.parse(text)
  } catch (error) {
    throw new UnstorableAppendError('a payload or result is no JSON', { cause: error })
  }
}
