import { findTaskId, type TaskId } from '#domain/identifiers.ts'
import { ProblemError } from '../../problems/problems.ts'

/** What every cursor of the task list begins with, so that one of another list, or another release, is told apart. */
const mark = 0x54
const bytesLength = 17

/** The opaque text that resumes the task list after `taskId`. */
export const toCursor = (taskId: TaskId): string =>
  Buffer.concat([Buffer.of(mark), Buffer.from(taskId.replaceAll('-', ''), 'hex')]).toString('base64url')

/** The task a cursor stands after. Throws an `invalid-cursor` problem for anything that `toCursor` never wrote. */
export const fromCursor = (cursor: string): TaskId => {
  const bytes = Buffer.from(cursor.slice(0, 64), 'base64url')
  const hex = bytes.toString('hex', 1)
  const taskId = findTaskId(
    [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
  )
  // Base64 is forgiving: only what encodes back to the very same text was one of ours.
  if (bytes.length !== bytesLength || bytes[0] !== mark || taskId === undefined || toCursor(taskId) !== cursor) {
    throw new ProblemError('invalid-cursor', 'Use a nextCursor as it was given, and with the filters it was given for.')
  }
  return taskId
}
