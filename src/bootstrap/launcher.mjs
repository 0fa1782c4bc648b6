#!/usr/bin/env node
// Plain JavaScript, so that an old Node can read it and say what is wrong instead of failing at the first type.
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
  // What a process starts with is compiled once for all of them: without, that is half of the time it takes to start. Beside
  // what was installed, where nobody else may write; where it cannot be written either, every start compiles as before.
  const { enableCompileCache } = await import('node:module')
  const { fileURLToPath } = await import('node:url')
  enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/taskfold', import.meta.url)))

  // Before anything else, because it sees at work only what is loaded after it.
  const { findTelemetrySettings } = await import('./config.ts')
  const settings = findTelemetrySettings()
  const telemetry = settings && (await import('../adapters/telemetry/start-telemetry.ts')).startTelemetry(settings)
  const { main } = await import('./main.ts')
  await main(process.argv.slice(2), telemetry)
}
