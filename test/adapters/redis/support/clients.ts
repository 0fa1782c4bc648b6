import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'

/** A connection of the test's own to a server, closed when the test is over. */
export const openConsole = ({ port }: { readonly port: number }): Redis => {
  const console = new Redis(port, '127.0.0.1')
  console.on('error', () => {})
  onTestFinished(() => console.disconnect())
  return console
}

/** The lines of CLIENT LIST on the connections for that purpose. */
export const listClients = async (ask: Redis, purpose: string): Promise<readonly string[]> =>
  String(await ask.client('LIST'))
    .split('\n')
    .filter((line) => line.includes(`name=taskfold:${purpose} `))
