import { toUrl } from '../../../../support/database-address.ts'
import { startEmbeddedPostgres } from '#adapters/postgres/embedded/embedded-postgres.ts'
import { silentLogger } from '../../../../support/silent-logger.ts'

/** A process with an embedded server: tells of it in a line of JSON, deaf to Ctrl-C, until it is told to stop by SIGTERM. */
const [dataDir = ''] = process.argv.slice(2)
process.on('SIGINT', () => {})
try {
  const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger })
  const { address, adopted } = server
  const url = toUrl(address)
  process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)))
  process.stdout.write(`${JSON.stringify({ url, adopted })}\n`)
  setInterval(() => {}, 60_000)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`)
}
