import fastify from 'fastify'
import { z } from 'zod'
import { createLogger } from '../src/adapters/telemetry/logger.ts'
import { readConfig } from '../src/bootstrap/config.ts'
import { startRoles } from '../src/bootstrap/start-roles.ts'

/** A server process: `node http-server.ts taskfold|echo`, started by `http.ts`, which is sent the address. */
const main = async ([kind, databaseUrl]: readonly string[]): Promise<void> => {
  const url = kind === 'echo' ? await startEcho() : await startTaskfold(databaseUrl ?? '')
  process.send?.(url)
  process.on('disconnect', () => process.exit(0))
}

const startTaskfold = async (databaseUrl: string): Promise<string> => {
  const config = readConfig(['api', 'maintenance'], { PORT: '0', DATABASE_URL: databaseUrl, LOG_LEVEL: 'warn' })
  const roles = await startRoles(config, await createLogger({ level: config.logLevel, form: 'json' }))
  return roles.url
}

const submission = z.strictObject({ type: z.string(), payload: z.object({ sentAt: z.number(), text: z.string() }) })

/** The least that a server in this language does: it parses, judges and answers. */
const startEcho = async (): Promise<string> => {
  const app = fastify()
  app.post('/api/tasks', (request, reply) => reply.code(201).send(submission.parse(request.body)))
  return app.listen({ port: 0, host: '127.0.0.1' })
}

await main(process.argv.slice(2))
