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
 * Reads a body to its end. What counts is what has arrived, not what was announced; small bodies do not count at all.
 *
 * Throws ProblemError: the body is too large, comes too slowly or broke off, or there is no room for it. What still comes is
 * read and dropped then, or the client would not see the answer.
 */
export const readBody = (payload: Readable, { arrivals, holding, bytesMax, announced }: Reading): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let counted = 0
    const leave = (): void => {
      arrival.end()
      payload.off('data', take).off('end', end).off('error', breakOff)
    }
    const refuse = (problem: ProblemError): void => {
      leave()
      payload.on('error', () => {}).resume()
      reject(problem)
    }
    const take = (chunk: Buffer): void => {
      arrival.bytes += chunk.length
      if (arrival.bytes > bytesMax) {
        refuse(tooLarge())
        return
      }
      chunks.push(chunk)
      if (arrival.bytes <= limits.smallBytesMax) return
      const refusal = holding?.tryAdd('body-byte', arrival.bytes - counted)
      if (refusal === undefined) counted = arrival.bytes
      else refuse(refusal)
    }
    const end = (): void => {
      leave()
      if (announced === undefined || Number(announced) === arrival.bytes) resolve(Buffer.concat(chunks, arrival.bytes))
      else reject(new ProblemError('malformed-json', 'The body is not as long as announced.'))
    }
    const breakOff = (error: Error): void =>
      refuse(new ProblemError('malformed-json', 'The body broke off.', { cause: error }))
    const arrival = arrivals.begin(() => refuse(new ProblemError('request-timeout', 'The body came too slowly.')))
    if (Number(announced) > bytesMax) refuse(tooLarge())
    else payload.on('data', take).on('end', end).on('error', breakOff)
  })

const tooLarge = (): ProblemError =>
  new ProblemError('payload-too-large', 'The body is larger than this endpoint takes.')
