declare const brand: unique symbol

/** A task's identity and its stream's key: a UUID in lower case, of version 7 when minted here. */
export type TaskId = string & { readonly [brand]: 'TaskId' }

/** One start of one worker process. A restarted process is another incarnation, whatever host and pid it has. */
export type Incarnation = string & { readonly [brand]: 'Incarnation' }

/** Names one append for ever: an append sent twice under one id is stored once. */
export type AppendId = string & { readonly [brand]: 'AppendId' }

/** The version of the `Started` event that began a run: the fencing token of everything the run does. */
export type Run = number

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const isTaskId = (text: string): text is TaskId => uuidPattern.test(text)
const isIncarnation = (text: string): text is Incarnation => uuidPattern.test(text)
const isAppendId = (text: string): text is AppendId => uuidPattern.test(text)

/** The task id that `text` spells in either case, or undefined when it is no UUID. */
export const findTaskId = (text: string): TaskId | undefined => {
  const lower = text.toLowerCase()
  return isTaskId(lower) ? lower : undefined
}

/** Parses a task id; throws a RangeError for what is no UUID. */
export const parseTaskId = (text: string): TaskId => {
  const taskId = findTaskId(text)
  if (taskId === undefined) throw new RangeError(`not a task id: ${text.slice(0, 64)}`)
  return taskId
}

/** Parses an incarnation; throws a RangeError for what is no UUID in lower case. */
export const parseIncarnation = (text: string): Incarnation => {
  if (!isIncarnation(text)) throw new RangeError(`not an incarnation: ${text.slice(0, 64)}`)
  return text
}

/** Parses an append id; throws a RangeError for what is no UUID in lower case. */
export const parseAppendId = (text: string): AppendId => {
  if (!isAppendId(text)) throw new RangeError(`not an append id: ${text.slice(0, 64)}`)
  return text
}

const uuidLength = 36
const isLongAsTaskId = (text: string): text is TaskId => text.length === uuidLength
const isLongAsAppendId = (text: string): text is AppendId => text.length === uuidLength

/**
 * Takes for a task id what is one already: kept in a column of UUIDs. Every task comes by here, so nothing is looked at but
 * its length; throws a RangeError for another.
 */
export const recallTaskId = (text: string): TaskId => {
  if (!isLongAsTaskId(text)) throw new RangeError(`not a task id: ${text.slice(0, 64)}`)
  return text
}

/** Takes for an append id what is one already: minted here, or kept in a column of UUIDs. As `recallTaskId`. */
export const recallAppendId = (text: string): AppendId => {
  if (!isLongAsAppendId(text)) throw new RangeError(`not an append id: ${text.slice(0, 64)}`)
  return text
}

/** The instant a version 7 UUID was minted at, in milliseconds since 1970, read from its first 48 bits. */
export const mintedAt = (taskId: TaskId): number => Number.parseInt(taskId.slice(0, 8) + taskId.slice(9, 13), 16)
