import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'
import { killAllProcesses, startTaskfold, type TaskfoldProcess } from './process.ts'

/** Settings under which a lost worker is noticed in seconds, for scenarios that would otherwise wait for minutes. */
export const quickLease = {
  LEASE_MS: '3000',
  BEAT_MS: '500',
  SWEEP_MS: '500',
  RECONCILE_MS: '500',
} as const

/** Processes of the product around one database of their own. */
export interface Fleet {
  readonly database: TestDatabase
  /** What every process of it is told. */
  readonly env: Readonly<Record<string, string>>
  start(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<TaskfoldProcess>
  /** Kills all of its processes and removes the database. */
  close(): Promise<void>
}

export const createFleet = async (env: Readonly<Record<string, string>> = quickLease): Promise<Fleet> => {
  const database = await createTestDatabase()
  const all = { DATABASE_URL: database.url, ...env }
  return {
    database,
    env: all,
    start: (words, more = {}) => startTaskfold({ words, env: { ...all, ...more } }),
    close: async () => {
      await killAllProcesses()
      await database.close()
    },
  }
}
