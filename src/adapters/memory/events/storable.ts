import { type Append, UnstorableAppendError } from '#application/ports/events/event-store.ts'
import { judgeKey } from '#application/ports/events/submit-keys.ts'
import type { EventContext, JsonText, TaskEvent } from '#domain/task/events.ts'

/** How much one event may weigh as text, its context included; the largest legal payload fits with room to spare. */
const eventBytesMax = 2_097_152

/**
 * Refuses what a database of UTF-8 could not store and give back to the letter: a NUL character or half a surrogate pair
 * in any string, written out or as an escape of JSON; a payload or result that is no JSON; more than `eventBytesMax`.
 *
 * Throws UnstorableAppendError.
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

/** An event's JSON text apart from its other members, which hold plain strings. */
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

/** What is no character becomes an escape, so that plain strings and JSON text can be judged alike. */
const toText = (members: object | EventContext): JsonText => JSON.stringify(members)

const assertCharacters = (text: JsonText): void => {
  const spelledOut = text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|.)/g, (_escape, digits: string | undefined) =>
    // Every other escape is a character that can be stored, and must stand between what is on either side of it.
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
