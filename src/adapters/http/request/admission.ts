import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { limits } from './limits.ts'
import { ProblemError } from '../problems/problems.ts'

/** Counts the requests, the bytes of their bodies and the streams that are under way, and bounds each. */
export interface Admission {
  /** Counts `weight` in; the returned function counts it out and is called once. Throws an `overloaded` problem. */
  enter(kind: Kind, weight: number): () => void
}

type Kind = 'request' | 'body-byte' | 'stream'

export type AdmissionLimits = Readonly<Record<Kind, number>>

const limitsDefault: AdmissionLimits = {
  request: limits.requestsAtOnceMax,
  'body-byte': limits.bodyBytesAtOnceMax,
  stream: limits.streamsAtOnceMax,
}

/** One for each process, because its limits protect the memory of the process. */
export const createAdmission = (most: Partial<AdmissionLimits> = {}): Admission => {
  const maxima = { ...limitsDefault, ...most }
  const underWay: Record<Kind, number> = { request: 0, 'body-byte': 0, stream: 0 }
  return {
    enter: (kind, weight) => {
      if (underWay[kind] + weight > maxima[kind]) throw overloaded(kind)
      underWay[kind] += weight
      return () => {
        underWay[kind] -= weight
      }
    },
  }
}

/**
 * Counts a request until it was answered or its client has gone. A body counts with the length it announces, or with the
 * limit of the endpoint when it announces none: so it is refused before it is read. Throws an `overloaded` problem.
 */
export const admit = (admission: Admission, request: FastifyRequest, response: ServerResponse): void => {
  const leaveRequests = admission.enter('request', 1)
  response.once('close', leaveRequests)
  const bytes = announcedBytes(request)
  if (bytes > 0) response.once('close', admission.enter('body-byte', bytes))
}

const announcedBytes = ({ headers, routeOptions }: FastifyRequest): number => {
  const bytesMax = routeOptions.bodyLimit
  if (headers['transfer-encoding'] !== undefined) return bytesMax
  const length = headers['content-length']
  // A body that announces more than the limit is refused later for that alone.
  return length === undefined ? 0 : Math.min(Number(length), bytesMax)
}

const reasons: Readonly<Record<Kind, string>> = {
  request: 'There are too many requests under way.',
  'body-byte': 'There are too many large requests under way.',
  stream: 'There are too many followers of the feed.',
}

/** Seconds after which asking again may help. */
const retryAfter = { 'retry-after': '1' }

const overloaded = (kind: Kind): ProblemError =>
  new ProblemError('overloaded', `${reasons[kind]} Nothing was changed; ask again.`, { headers: retryAfter })
