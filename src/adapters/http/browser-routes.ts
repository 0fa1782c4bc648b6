import type { FastifyInstance } from 'fastify'
import { answerHeaders } from './problems/answer-headers.ts'

/** Beside the endpoints, and not in their description: what a browser asks for when a person types the address of the process. */
export const addBrowserRoutes = (app: FastifyInstance): void => {
  app.get('/', (request, reply) => {
    // `GET *` is routed here too.
    if (!request.raw.url?.startsWith('/')) return reply.callNotFound()
    return reply.headers(answerHeaders).redirect('/api/docs')
  })
  app.get('/favicon.ico', (_request, reply) =>
    reply.code(204).headers(answerHeaders).header('cache-control', 'max-age=86400').send(),
  )
}
