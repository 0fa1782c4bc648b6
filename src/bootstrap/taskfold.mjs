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
  // First of all, because it sees at work only what is loaded after it.
  const { findTelemetrySettings } = await import('./config.ts')
  const settings = findTelemetrySettings()
  const telemetry = settings && (await import('../adapters/telemetry/start-telemetry.ts')).startTelemetry(settings)
  const { main } = await import('./main.ts')
  await main(process.argv.slice(2), telemetry)
}
