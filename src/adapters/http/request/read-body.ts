import type { Readable } from 'node:stream'
import { ProblemError } from '../problems/problems.ts'
import type { Holding } from './admission.ts'
import type { Arrivals } from './arrivals.ts'
import { limits } from './limits.ts'

interface Reading {
  readonly arrivals: Arrivals
  /** Counts what has arrived; undefined: nothing does. */
  readonly holding: Holding | undefined
  readonly bytesMax: number
  /** The header `Content-Length`. */
  readonly announced: string | undefined
}

/**
 * Reads a body to its end and calls `done` once: with its bytes, or with why it is refused: it is too large, comes too slowly
 * or broke off, or there is no room for it. What still comes is read and dropped then, or the client would not see the answer.
 *
 * What counts is what has arrived, not what was announced; small bodies do not count at all.
 */
export const readBody = (
  payload: Readable,
  { arrivals, holding, bytesMax, announced }: Reading,
  done: (outcome: Buffer | ProblemError) => void,
): void => {
  const chunks: Buffer[] = []
  let counted = 0
  const settle = (outcome: Buffer | ProblemError): void => {
    arrivals.end(arrival)
    payload.off('data', take).off('end', end).off('error', breakOff)
    if (outcome instanceof ProblemError) payload.on('error', () => {}).resume()
    done(outcome)
  }
  const take = (chunk: Buffer): void => {
    arrival.bytes += chunk.length
    if (arrival.bytes > bytesMax) {
      settle(tooLarge())
      return
    }
    chunks.push(chunk)
    if (arrival.bytes <= limits.smallBytesMax) return
    const refusal = holding?.tryAdd('body-byte', arrival.bytes - counted)
    if (refusal === undefined) counted = arrival.bytes
    else settle(refusal)
  }
  const end = (): void => {
    const isWhole = announced === undefined || Number(announced) === arrival.bytes
    settle(isWhole ? Buffer.concat(chunks, arrival.bytes) : notAsAnnounced())
  }
  const breakOff = (cause: Error): void => settle(new ProblemError('malformed-json', 'The body broke off.', { cause }))
  const arrival = arrivals.begin(() => settle(new ProblemError('request-timeout', 'The body came too slowly.')))
  if (Number(announced) > bytesMax) settle(tooLarge())
  else payload.on('data', take).on('end', end).on('error', breakOff)
}

const tooLarge = (): ProblemError =>
  new ProblemError('payload-too-large', 'The body is larger than this endpoint takes.')

const notAsAnnounced = (): ProblemError => new ProblemError('malformed-json', 'The body is not as long as announced.')
