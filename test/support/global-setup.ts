import type { TestProject } from 'vitest/node'
import { provideClusterTemplate } from './cluster-template.ts'
import { providePostgres } from './provide-postgres.ts'
import { provideRedis, reportMissingRedis } from './provide-redis.ts'
import { reportMissingFaketime } from './steppable-postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a server in which the role may create databases; see test-database.ts. */
    readonly postgresUrl: string
    /** Of a server in which tests use key prefixes of their own; null when there is none, and its suites are skipped. */
    readonly redisUrl: string | null
  }
}

/** Provides the servers that the tests share, once for all of them; what it answers lets them go again. */
const setUp = async (project: TestProject): Promise<() => Promise<void>> => {
  const redis = await provideRedis()
  try {
    reportMissingRedis(redis)
    reportMissingFaketime()
  } catch (error) {
    await redis?.release()
    throw error
  }
  project.provide('redisUrl', redis?.url ?? null)
  const removeTemplate = await provideClusterTemplate()
  const postgres = await providePostgres()
  project.provide('postgresUrl', postgres.url)
  return async () => {
    await Promise.all([postgres.release(), redis?.release(), removeTemplate()])
  }
}

export default setUp
