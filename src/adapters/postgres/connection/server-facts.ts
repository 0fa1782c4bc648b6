import type { Client } from 'pg'

export interface ServerFacts {
  /** Such as 180004 for 18.4. */
  readonly versionNumber: number
  readonly version: string
  readonly fsync: string
  readonly encoding: string
  readonly inRecovery: boolean
}

const oldestVersionNumber = 150_000

/** Any role may ask this. */
export const readServerFacts = async (client: Client): Promise<ServerFacts> => {
  const { rows } = await client.query<ServerFacts>(
    `select
       current_setting('server_version_num')::int as "versionNumber",
       current_setting('server_version') as "version",
       current_setting('fsync') as "fsync",
       current_setting('server_encoding') as "encoding",
       pg_is_in_recovery() as "inRecovery"`,
  )
  if (rows[0] === undefined) throw new Error('the server told nothing of itself')
  return rows[0]
}

/** Why this server cannot keep what it is given, in one line; undefined when it can. */
export const findServerFault = (facts: ServerFacts): string | undefined => {
  if (facts.versionNumber < oldestVersionNumber) {
    return `PostgreSQL ${facts.version} is too old: version 15 or later is needed`
  }
  if (facts.fsync !== 'on') return 'the database server runs with fsync off and would lose accepted tasks in a crash'
  if (facts.encoding !== 'UTF8') return `the database is encoded in ${facts.encoding}: only UTF8 can hold every payload`
  if (facts.inRecovery) return 'the database server is a standby and takes no writes'
  return undefined
}
