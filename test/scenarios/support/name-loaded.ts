import { registerHooks } from 'node:module'

/** The product, telling each module of a package that it loads. */
registerHooks({
  load: (url, context, next) => {
    if (url.includes('/node_modules/')) process.stderr.write(`loaded ${url}\n`)
    return next(url, context)
  },
})
await import(new URL('../../../src/bootstrap/launcher.mjs', import.meta.url).href)
