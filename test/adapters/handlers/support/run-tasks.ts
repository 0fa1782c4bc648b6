import { createBuiltInHandlers } from '#adapters/handlers/built-in/built-in-handlers.ts'
import { builtInTypes } from '#adapters/handlers/built-in/built-in-types.ts'
import { loadHandlers } from '#adapters/handlers/loading/load-handlers.ts'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'
import { PermanentError, RetryAfterError } from '#application/ports/task-handler.ts'
import { z } from 'zod'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createHandlerContext } from './handler-context.ts'

/**
 * Loads handler modules in a process of its own, as the server does, since the test runner replaces import(). Takes the
 * order as JSON in its argument and writes what happened as JSON.
 */
const order = z.object({
  modules: z.array(z.string()),
  cwd: z.string(),
  smtpUrl: z.string().optional(),
  httpTargetAllow: z.array(z.string()).default([]),
  run: z.array(z.object({ type: z.string(), payload: z.json().optional(), attempt: z.int().optional() })).default([]),
})

const { modules, cwd, smtpUrl, httpTargetAllow, run } = order.parse(JSON.parse(process.argv[2] ?? ''))
const builtIn = createBuiltInHandlers({ smtpUrl, httpTargetAllow, emailSenders: undefined, builtIn: builtInTypes })

const describeError = (error: unknown) => ({
  name: error instanceof Error ? error.name : typeof error,
  message: String(error instanceof Error ? error.message : error),
  kind: error instanceof PermanentError ? 'permanent' : error instanceof RetryAfterError ? 'retry-after' : 'other',
})

try {
  const handlers = await loadHandlers({ modules, cwd, builtIn: builtIn.handlers, logger: silentLogger })
  const outcomes: object[] = []
  for (const { type, payload, attempt = 1 } of run) {
    try {
      outcomes.push({ result: await handlers.get(type)?.run(payload, createHandlerContext({ attempt })) })
    } catch (error) {
      outcomes.push({ error: describeError(error) })
    }
  }
  console.log(JSON.stringify({ types: [...handlers.keys()], outcomes }))
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error
  console.log(JSON.stringify({ mistakes: error.mistakes }))
} finally {
  await builtIn.close()
}
