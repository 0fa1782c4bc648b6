import { userInfo } from 'node:os'
import { type DatabaseSettings, readDatabaseSettings } from '#adapters/postgres/connection/database-settings.ts'
import { ConfigurationError } from '#application/diagnosis/startup-error.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The databases that the variables name, and what is wrong with them. */
export interface DatabaseConfig {
  /** Undefined: `DATABASE_URL` is not set. */
  readonly database: DatabaseSettings | undefined
  /** Undefined: `DATABASE_DIRECT_URL` is not set. */
  readonly databaseDirect: DatabaseSettings | undefined
  readonly mistakes: readonly string[]
}

/** Reads both URLs and the `PG*` variables beside them. Without `DATABASE_URL` the latter mean nothing here. */
export const readDatabaseConfig = (environment: Environment): DatabaseConfig => {
  const mistakes: string[] = []
  const read = (name: string): DatabaseSettings | undefined => {
    const url = environment[name] ?? ''
    if (url === '') return undefined
    try {
      return readDatabaseSettings(name, url, { userName: findUserName(environment), environment })
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      mistakes.push(...error.mistakes)
      return undefined
    }
  }
  const [database, databaseDirect] = [read('DATABASE_URL'), read('DATABASE_DIRECT_URL')]
  return { database, databaseDirect, mistakes: [...new Set(mistakes)] }
}

/** A container may run under a number that no account of the system has. */
const findUserName = (environment: Environment): string => {
  try {
    return userInfo().username
  } catch {
    return environment['USER'] ?? environment['LOGNAME'] ?? 'postgres'
  }
}
