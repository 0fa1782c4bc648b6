import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#adapters/postgres/embedded/embedded-postgres.ts'
import { copyClusterTemplate } from '../../../../support/cluster-template.ts'
import { toUrl } from '../../../../support/database-address.ts'
import { silentLogger } from '../../../../support/silent-logger.ts'

const folders: string[] = []
const servers: EmbeddedPostgres[] = []

/** Stops the servers and removes the folders that a test made, whatever became of it. */
export const cleanUpDataFolders = (): void => {
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()))
    for (const folder of folders.splice(0)) {
      await killServerIn(join(folder, 'data'))
      await rm(folder, { recursive: true, force: true })
    }
  })
}

/** A data folder that does not exist yet, in a folder that every account may enter. */
export const newDataFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-embedded-'))
  await chmod(folder, 0o755)
  folders.push(folder)
  return join(folder, 'data')
}

/** A data folder in which a cluster was made before, for whoever looks at anything but a first start. */
export const madeDataFolder = async (): Promise<string> => {
  const dataDir = await newDataFolder()
  await mkdir(dataDir)
  await chmod(dataDir, 0o755)
  await copyClusterTemplate(dataDir)
  return dataDir
}

/** Starts a server that is stopped with the test. */
export const startIn = async (dataDir: string): Promise<EmbeddedPostgres & { readonly url: string }> => {
  const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger })
  servers.push(server)
  return { ...server, url: toUrl(server.address) }
}

export const serverPidIn = async (dataDir: string): Promise<number | undefined> => {
  const text = await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number(text.split('\n')[0])
}

const killServerIn = async (dataDir: string): Promise<void> => {
  const pid = await serverPidIn(dataDir)
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** What one statement answers, on a connection of its own. */
export const ask = async (url: string, statement: string): Promise<readonly unknown[]> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement)
    return rows.map((row) => Object.values(row)[0])
  } finally {
    await client.end()
  }
}
