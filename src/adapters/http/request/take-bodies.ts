import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problems.ts'
import { createArrivals } from './arrivals.ts'
import { type BodyForm, type JsonBody, parseJsonBody, parseLongJsonBody } from './json-body.ts'
import { limits } from './limits.ts'
import { readBody } from './read-body.ts'
import { createWorkRoom, type WorkRoom } from './work-room.ts'

/** Reads and parses the bodies of requests. Large ones are worked on, from here to their answers, while there is room. */
export const takeBodies = (app: FastifyInstance): void => {
  const arrivals = createArrivals()
  app.addHook('onClose', () => {
    arrivals.close()
  })
  const room = createWorkRoom(limits.bodyBytesInWorkMax)
  app.removeAllContentTypeParsers()
  // With callbacks: every submission passes here, and promises cost it a microsecond.
  app.addContentTypeParser('application/json', (request, payload, done) => {
    const { holding, routeOptions, headers } = request
    const reading = { arrivals, holding, bytesMax: routeOptions.bodyLimit, announced: headers['content-length'] }
    readBody(payload, reading, (outcome) => {
      if (outcome instanceof ProblemError) done(outcome)
      else if (outcome.length <= limits.smallBytesMax) done(null, parseJsonBody(outcome, toBodyForm(request)))
      else void parseInRoom(request, outcome, room, done)
    })
  })
}

const parseInRoom = async (
  request: FastifyRequest,
  bytes: Buffer,
  room: WorkRoom,
  done: (error: Error | null, body?: JsonBody) => void,
): Promise<void> => {
  const leave = await room.enter(bytes.length)
  let body: JsonBody
  try {
    body = await parseLongJsonBody(bytes, toBodyForm(request))
  } catch (error) {
    leave()
    done(error instanceof Error ? error : new Error(String(error)))
    return
  }
  request.endWork = leave
  done(null, body)
}

const toBodyForm = ({ headers, routeOptions }: FastifyRequest): BodyForm => ({
  contentType: headers['content-type'] ?? '',
  contentEncoding: headers['content-encoding'],
  itemsIn: routeOptions.config.itemsIn,
})
