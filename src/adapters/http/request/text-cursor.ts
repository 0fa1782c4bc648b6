import { ProblemError } from '../problems/problems.ts'

/** Writes the last key of a page as the opaque cursor of the next one, and reads it again. */
export interface TextCursor {
  format(key: string): string
  /** Throws an `invalid-cursor` problem unless `format` wrote the text. */
  parse(cursor: string): string
}

const charactersMax = 512

/** `mark` is the first byte of every cursor of one list, which tells it from the cursors of other lists. */
export const createTextCursor = (mark: number): TextCursor => {
  const format = (key: string): string => Buffer.concat([Buffer.of(mark), Buffer.from(key)]).toString('base64url')
  return {
    format,
    parse: (cursor) => {
      const bytes = Buffer.from(cursor.slice(0, charactersMax), 'base64url')
      const key = bytes.toString('utf8', 1)
      // Base64 decoding accepts several texts for the same bytes; only the one that is written again is a cursor.
      if (bytes[0] !== mark || key === '' || format(key) !== cursor) {
        throw new ProblemError('invalid-cursor', 'Use a nextCursor as it was given.')
      }
      return key
    },
  }
}
