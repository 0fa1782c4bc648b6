import { hasContainerRuntime, tellNoContainer } from './container-runtime.ts'
import { startPostgresServer } from './postgres-server.ts'

/** A server in which tests may make databases of their own. */
export interface ProvidedPostgres {
  /** Of a role that may create databases. */
  readonly url: string
  readonly from: 'TEST_DATABASE_URL' | 'a container' | 'a server of our own'
  release(): Promise<void>
}

const image = 'postgres:18'

/** The first of: the server that `TEST_DATABASE_URL` names; a container; a server of our own in a temporary folder. */
export const providePostgres = async (): Promise<ProvidedPostgres> => {
  const given = process.env['TEST_DATABASE_URL']
  if (given !== undefined && given !== '') {
    return { url: given, from: 'TEST_DATABASE_URL', release: () => Promise.resolve() }
  }
  return (await startContainer()) ?? (await startOwn())
}

const startContainer = async (): Promise<ProvidedPostgres | undefined> => {
  if (!(await hasContainerRuntime())) return undefined
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql')
  const container = await new PostgreSqlContainer(image).start().catch(tellNoContainer(image))
  if (container === undefined) return undefined
  return {
    url: container.getConnectionUri(),
    from: 'a container',
    release: async () => void (await container.stop()),
  }
}

const startOwn = async (): Promise<ProvidedPostgres> => {
  const server = await startPostgresServer()
  return { url: server.url, from: 'a server of our own', release: () => server.remove() }
}
