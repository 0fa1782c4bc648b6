import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Where the lines of the log go. */
export interface LogOutput {
  /**
   * Hands a line to the reader in this moment, if there is room for it: the line that tells why a process ended must not be
   * lost with it. Never waits for a reader that has stopped reading: a line that finds too many waiting is left out.
   */
  write(line: string): void
  /** Resolves when no line waits, after `withinMs` at the latest. */
  settle(withinMs: number): Promise<void>
}

interface Options {
  /** Called when there is room again, with the number of lines that were left out since. */
  readonly onRoom: (linesLeftOut: number) => void
  readonly bytesWaitingMax?: number
}

const bytesWaitingMaxDefault = 1_048_576

/**
 * Node writes to a pipe or a socket at once and keeps what the reader has no room for. To a terminal it would wait until there
 * is room, which Ctrl-S puts off for ever, and the whole process with it: that is turned off.
 */
export const createLogOutput = (
  stream: Writable,
  { onRoom, bytesWaitingMax = bytesWaitingMaxDefault }: Options,
): LogOutput => {
  let state: 'open' | 'full' | 'gone' = 'open'
  let leftOut = 0

  const empty = (): void => {
    if (state !== 'full') return
    state = 'open'
    const lines = leftOut
    leftOut = 0
    onRoom(lines)
  }

  unblock(stream)
  // The reader is gone, as at the end of a pipeline: the work goes on without a log.
  stream.on('error', () => {
    state = 'gone'
  })
  stream.on('drain', empty)

  return {
    write: (line) => {
      if (state === 'open' && stream.writableLength + line.length > bytesWaitingMax) state = 'full'
      if (state === 'open') stream.write(line)
      else leftOut += 1
    },
    settle: async (withinMs) => {
      if (state === 'gone' || stream.writableLength === 0) return
      await once(stream, 'drain', { signal: AbortSignal.timeout(withinMs) }).catch(() => {})
    },
  }
}

/** Node has no public way to it; without this handle nothing is lost but the remedy. */
const unblock = (stream: Writable): void => {
  const handle: unknown = Reflect.get(stream, '_handle')
  if (typeof handle !== 'object' || handle === null || !('setBlocking' in handle)) return
  if (typeof handle.setBlocking === 'function') handle.setBlocking(false)
}
