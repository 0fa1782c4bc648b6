#!/usr/bin/env node
// What runs before main.ts: it judges the version of Node, turns on the compile cache and starts telemetry. Plain
// JavaScript, so that an old Node can read it and say what is wrong instead of failing at the first type.
const needed = [24, 11, 1]
const found = process.versions.node.split('.').map(Number)
const firstDifference = needed.findIndex((part, index) => found[index] !== part)
const isOld = firstDifference !== -1 && found[firstDifference] < needed[firstDifference]

if (isOld) {
  process.stderr.write(
    `Taskfold needs Node ${needed.join('.')} or later, and this is ${process.versions.node}. ` +
      '`npm start` brings the right one; so does `npx taskfold` after `npm ci`.\n',
  )
  process.exitCode = 1
} else {
  // Processes share the compiled code: compiling is half of the time that a start takes. The cache is in node_modules, which
  // only the owner of the installation may write; where this process may not either, each start compiles for itself.
  const { enableCompileCache } = await import('node:module')
  const { fileURLToPath } = await import('node:url')
  enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/taskfold', import.meta.url)))

  // Before main.ts and the packages that it loads: telemetry sees only packages that are loaded after it.
  const { findTelemetrySettings } = await import('./config.ts')
  const settings = findTelemetrySettings()
  const telemetry = settings && (await import('../adapters/telemetry/start-telemetry.ts')).startTelemetry(settings)
  const { main } = await import('./main.ts')
  await main(process.argv.slice(2), telemetry)
}
