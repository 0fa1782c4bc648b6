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

/** The settings that decide which handlers a process has. A worker sends them to the processes that it starts. */
export type HandlerSettings = z.output<typeof handlerSettings>

/** Parses settings that came from another process. Throws ZodError for anything of another shape. */
export const parseHandlerSettings = (settings: unknown): HandlerSettings => handlerSettings.parse(settings)

/** The folder of examples of this checkout. */
const examplesFolder = join(import.meta.dirname, '../../../examples')

export const toHandlerSettings = (config: Config): HandlerSettings => {
  // The examples are for a first try: with a database that was configured, only the modules of HANDLERS are loaded.
  const examples = config.database === undefined ? [examplesFolder] : []
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
