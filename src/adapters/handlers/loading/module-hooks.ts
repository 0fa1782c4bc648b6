import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

/** The packages that a handler module may import anywhere on disk, although they are not installed beside it. */
const shared = /^(taskfold|zod)(\/|$)/
const entryScheme = 'taskfold-handlers:'
/** The hooks stay for the life of the process, since a handler may import lazily; registered twice they would run twice. */
let registered = false

/**
 * Lets modules anywhere on disk import the running `taskfold` and `zod`.
 *
 * `taskfold` always resolves to the running one, because errors are told apart by their class. A package below node_modules
 * keeps its own `zod`: a schema needs only to be a Standard Schema, so two copies do no harm.
 */
export const registerModuleHooks = (): void => {
  if (registered) return
  registered = true
  registerHooks({
    resolve: (specifier, context, nextResolve) => {
      if (specifier.startsWith(entryScheme)) {
        const [folder = '', entry = ''] = specifier.slice(entryScheme.length).split('/').map(decodeURIComponent)
        return nextResolve(entry, { ...context, parentURL: folder })
      }
      const name = shared.exec(specifier)?.[1]
      if (name === undefined || context.parentURL === import.meta.url) return nextResolve(specifier, context)
      // import.meta.resolve, because nextResolve ignores another parentURL when the module was loaded by require().
      const resolveOurs = () => ({ url: import.meta.resolve(specifier), shortCircuit: true })
      if (name === 'taskfold' || !context.parentURL?.includes('/node_modules/')) return resolveOurs()
      try {
        return nextResolve(specifier, context)
      } catch {
        return resolveOurs()
      }
    },
  })
}

/** A specifier that resolves as `name` does in a module of `folder`. Needs the hooks of `registerModuleHooks`. */
export const packageSpecifier = (name: string, folder: string): string =>
  `${entryScheme}${encodeURIComponent(pathToFileURL(`${folder}/`).href)}/${encodeURIComponent(name)}`
