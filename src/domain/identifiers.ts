declare const brand: unique symbol

/** Identifies a task and its stream: a UUID in lower case, of version 7 when this system minted it. */
export type TaskId = string & { readonly [brand]: 'TaskId' }

/** Identifies one start of one worker process. A restarted process is another incarnation, even with the same host and pid. */
export type Incarnation = string & { readonly [brand]: 'Incarnation' }

/** Identifies one append for ever: an append that is sent twice under one id is stored once. */
export type AppendId = string & { readonly [brand]: 'AppendId' }

/** The version of the `Started` event that began a run: the fencing token of everything the run does. */
export type Run = number

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const isTaskId = (text: string): text is TaskId => uuidPattern.test(text)
const isIncarnation = (text: string): text is Incarnation => uuidPattern.test(text)
const isAppendId = (text: string): text is AppendId => uuidPattern.test(text)

/** The task id that `text` spells in either case, or undefined when `text` is not a UUID. */
export const findTaskId = (text: string): TaskId | undefined => {
  const lower = text.toLowerCase()
  return isTaskId(lower) ? lower : undefined
}

/** Parses a task id in either case. Throws a RangeError for text that is not a UUID. */
export const parseTaskId = (text: string): TaskId => {
  const taskId = findTaskId(text)
  if (taskId === undefined) throw new RangeError(`not a task id: ${text.slice(0, 64)}`)
  return taskId
}

/** Throws a RangeError for text that is not a UUID in lower case. */
export const parseIncarnation = (text: string): Incarnation => {
  if (!isIncarnation(text)) throw new RangeError(`not an incarnation: ${text.slice(0, 64)}`)
  return text
}

/** Throws a RangeError for text that is not a UUID in lower case. */
export const parseAppendId = (text: string): AppendId => {
  if (!isAppendId(text)) throw new RangeError(`not an append id: ${text.slice(0, 64)}`)
  return text
}

const uuidLength = 36
const isLongAsTaskId = (text: string): text is TaskId => text.length === uuidLength
const isLongAsAppendId = (text: string): text is AppendId => text.length === uuidLength

/**
 * Believes that `text` is a task id, because it was minted in this process or comes from a column of type uuid: every task
 * passes here several times, so only the length is checked. Throws a RangeError for another length.
 */
export const trustTaskId = (text: string): TaskId => {
  if (!isLongAsTaskId(text)) throw new RangeError(`not a task id: ${text.slice(0, 64)}`)
  return text
}

/** Believes that `text` is an append id, for the reason and with the check of `trustTaskId`. */
export const trustAppendId = (text: string): AppendId => {
  if (!isLongAsAppendId(text)) throw new RangeError(`not an append id: ${text.slice(0, 64)}`)
  return text
}

/** The instant a version 7 UUID was minted at, in milliseconds since 1970, read from its first 48 bits. */
export const mintedAt = (taskId: TaskId): number => Number.parseInt(taskId.slice(0, 8) + taskId.slice(9, 13), 16)
