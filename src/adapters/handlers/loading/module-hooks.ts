import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

/** What a handler module may name wherever it lies on disk, although nothing is installed beside it. */
const shared = /^(taskfold|zod)(\/|$)/
const entryScheme = 'taskfold-handlers:'
let registered = false

/**
 * Lets modules anywhere on disk import the running `taskfold` and `zod`. Once for the life of the process, since a handler
 * may import lazily.
 *
 * `taskfold` always means the running one: errors are told apart by their class. A package below node_modules keeps a `zod`
 * of its own, which any Standard Schema may be.
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
      // Not by nextResolve from here: for require() it takes no notice of another parent.
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

/** A specifier that stands for `name` as a module in `folder` would resolve it. Only for import() after the hooks are there. */
export const packageSpecifier = (name: string, folder: string): string =>
  `${entryScheme}${encodeURIComponent(pathToFileURL(`${folder}/`).href)}/${encodeURIComponent(name)}`
