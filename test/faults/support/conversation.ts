/** What passes on one connection, divided where its messages end. One for each connection. */
export interface Conversation {
  /** The requests that are complete with these bytes; the beginning of another is kept until the rest comes. */
  request(bytes: Buffer): readonly Part[]
  /** The same for answers. The answer to a write is one part, and whoever reads it knows that the write was done or refused. */
  answer(bytes: Buffer): readonly Part[]
  /** What was kept of an answer, for the moment when its server ends the connection. */
  rest(): Buffer
}

export interface Part {
  readonly bytes: Buffer
  /** `write`: a request by which something is committed, and the whole answer to it. */
  readonly kind: 'write' | 'other'
}

/** Divides a stream into messages; `lengthOf` tells how long the first one is once that can be known. */
export const createDivider = (lengthOf: (bytes: Buffer) => number | undefined) => {
  let kept: Buffer = Buffer.alloc(0)
  return {
    divide: (bytes: Buffer): readonly Buffer[] => {
      kept = kept.length === 0 ? bytes : Buffer.concat([kept, bytes])
      const messages: Buffer[] = []
      for (let length = lengthOf(kept); length !== undefined && length <= kept.length; length = lengthOf(kept)) {
        messages.push(kept.subarray(0, length))
        kept = kept.subarray(length)
      }
      return messages
    },
    rest: (): Buffer => kept,
  }
}

/** A connection whose protocol is of no interest: all that comes is passed on as it comes. */
export const createPlainConversation = (): Conversation => ({
  request: (bytes) => [{ bytes, kind: 'other' }],
  answer: (bytes) => [{ bytes, kind: 'other' }],
  rest: () => Buffer.alloc(0),
})
