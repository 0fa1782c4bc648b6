import type { TestProject } from 'vitest/node'
import { providePostgres } from './provide-postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a server in which the role may create databases; see test-database.ts. */
    readonly postgresUrl: string
  }
}

/** Provides the servers that the tests share, once for all of them; what it answers lets them go again. */
const setUp = async (project: TestProject): Promise<() => Promise<void>> => {
  const postgres = await providePostgres()
  project.provide('postgresUrl', postgres.url)
  return () => postgres.release()
}

export default setUp
