import { join } from 'node:path'
import { z } from 'zod'
import { createBuiltInHandlers } from '#adapters/handlers/built-in/built-in-handlers.ts'
import { builtInTypes } from '#adapters/handlers/built-in/built-in-types.ts'
import { loadHandlers } from '#adapters/handlers/loading/load-handlers.ts'
import type { OpenedHandlers } from '#adapters/worker/isolation/serve-isolated-run.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { Config } from '../config.ts'

const handlerSettings = z.object({
  modules: z.array(z.string()).readonly(),
  cwd: z.string(),
  smtpUrl: z.string().optional(),
  httpTargetAllow: z.array(z.string()).readonly(),
  emailSenders: z.array(z.string()).readonly().optional(),
  builtIn: z.array(z.enum(builtInTypes)).readonly(),
})

/** What decides which handlers a process has. It can be sent to another one, which then has the same. */
export type HandlerSettings = z.output<typeof handlerSettings>

/** Throws for anything that `toHandlerSettings` did not make. */
export const parseHandlerSettings = (settings: unknown): HandlerSettings => handlerSettings.parse(settings)

/** The folder of examples of this checkout. */
const examplesFolder = join(import.meta.dirname, '../../../examples')

export const toHandlerSettings = (config: Config): HandlerSettings => {
  // For trying out: with a database of one's own, only what HANDLERS names is run.
  const examples = config.databaseUrl === undefined ? [examplesFolder] : []
  const { smtpUrl, httpTargetAllow, emailSenders, builtIn } = config
  return {
    modules: [...config.handlers, ...examples],
    cwd: process.cwd(),
    httpTargetAllow,
    builtIn,
    ...(emailSenders !== undefined && { emailSenders }),
    ...(smtpUrl !== undefined && { smtpUrl }),
  }
}

/** Loads the handlers of every type. Throws ConfigurationError. */
export const openHandlers = async (settings: HandlerSettings, logger: Logger): Promise<OpenedHandlers> => {
  const { modules, cwd, smtpUrl, httpTargetAllow, emailSenders, builtIn: types } = settings
  const builtIn = createBuiltInHandlers({ smtpUrl, httpTargetAllow, emailSenders, builtIn: types })
  try {
    const handlers = await loadHandlers({ modules, cwd, builtIn: builtIn.handlers, logger })
    return { handlers, close: () => builtIn.close() }
  } catch (error) {
    await builtIn.close()
    throw error
  }
}
