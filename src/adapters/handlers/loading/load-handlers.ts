import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskHandler } from '#application/ports/task-handler.ts'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'
import { isTaskDefinition } from '../define-task.ts'
import { findEntryModules } from './entry-modules.ts'
import { describeModuleFault } from './module-fault.ts'
import { registerModuleHooks } from './module-hooks.ts'

interface Options {
  /**
   * Each a path (absolute, or from `cwd`), a `file:` URL, a folder, or the name of a package as a module in `cwd` would
   * import it. A folder stands for the files `tasks.ts` (or .mts, .js, .mjs) in it and in the folders directly in it.
   */
  readonly modules: readonly string[]
  readonly cwd: string
  readonly builtIn: readonly TaskHandler[]
  readonly logger: Logger
}

const entriesMax = 100
const exportsMax = 1_000
/** How long a module's top level may take. */
const loadMsMax = 30_000

/**
 * Loads the handlers of every type that this process knows: the built-in ones, and each task that a module of HANDLERS
 * exports under any name, or as a member of its default export. A definition that is exported twice counts once.
 *
 * Modules are loaded in order, one at a time. TypeScript runs by type stripping, except below node_modules.
 * Throws ConfigurationError with a line for each module that does not load, exports no task or defines a type again.
 */
export const loadHandlers = async ({
  modules,
  cwd,
  builtIn,
  logger,
}: Options): Promise<ReadonlyMap<string, TaskHandler>> => {
  if (modules.length > entriesMax) throw new ConfigurationError([`HANDLERS: at most ${entriesMax} modules`])
  registerModuleHooks()
  const found = new Map(builtIn.map((handler) => [handler.type, { handler, source: 'taskfold itself' }]))
  const mistakes: string[] = []
  for (const entry of new Set(modules)) {
    try {
      for (const { name, specifier } of await findEntryModules(entry, cwd)) {
        const handlers = await loadModule(name, specifier, cwd)
        mistakes.push(...addHandlers(found, name, handlers))
        logger.info({ module: name, types: handlers.map(({ type }) => type) }, 'handlers loaded')
      }
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      mistakes.push(...error.mistakes)
    }
  }
  if (mistakes.length > 0) throw new ConfigurationError(mistakes)
  return new Map([...found].map(([type, { handler }]) => [type, handler]))
}

const addHandlers = (
  found: Map<string, { readonly handler: TaskHandler; readonly source: string }>,
  source: string,
  handlers: readonly TaskHandler[],
): readonly string[] =>
  handlers.flatMap((handler) => {
    const earlier = found.get(handler.type)
    if (earlier === undefined) found.set(handler.type, { handler, source })
    if (earlier === undefined || earlier.handler === handler) return []
    const where = earlier.source === source ? ' twice' : `, which ${earlier.source} defines too`
    return [`HANDLERS: ${source} defines the task type ${handler.type}${where}`]
  })

const loadModule = async (name: string, specifier: string, cwd: string): Promise<readonly TaskHandler[]> => {
  const exports = await importInTime(name, specifier, cwd)
  const handlers = new Set(listExports(exports).slice(0, exportsMax).filter(isTaskDefinition))
  if (handlers.size > 0) return [...handlers]
  throw new ConfigurationError([`HANDLERS: ${name} exports no task: export what defineTask returns`])
}

/**
 * What a module exports, with what is in its default export: for a CommonJS module that is `module.exports`, of which Node
 * finds by name only what it can read from the text, and the default export itself when a compiler has written the module.
 */
const listExports = (exports: object): readonly unknown[] => {
  const container: unknown = Reflect.get(exports, 'default')
  const isContainer = typeof container === 'object' && container !== null && !isTaskDefinition(container)
  return [...Object.values(exports), ...(isContainer ? Object.values(container) : [])]
}

const importInTime = async (name: string, specifier: string, cwd: string): Promise<object> => {
  const toLateError = (): Error => new Error(`its top level was not done after ${loadMsMax / 1_000} s`)
  try {
    const exports: unknown = await withDeadline<unknown>(import(specifier), loadMsMax, toLateError)
    return typeof exports === 'object' && exports !== null ? exports : {}
  } catch (error) {
    const why = await describeModuleFault(error, specifier, cwd)
    throw new ConfigurationError([`HANDLERS: ${name} could not be loaded: ${why}`], { cause: error })
  }
}
