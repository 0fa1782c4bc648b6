import type { Client } from 'pg'

interface ServerProperties {
  /** Such as 180004 for 18.4. */
  readonly versionNumber: number
  readonly version: string
  readonly fsync: string
  readonly encoding: string
  readonly inRecovery: boolean
  /** Of the transactions of this role in this database. */
  readonly readOnly: string
}

const oldestVersionNumber = 150_000

/** What decides whether a server can be used. Any role may ask it. */
export const readServerProperties = async (client: Client): Promise<ServerProperties> => {
  const { rows } = await client.query<ServerProperties>(
    `select
       current_setting('server_version_num')::int as "versionNumber",
       current_setting('server_version') as "version",
       current_setting('fsync') as "fsync",
       current_setting('server_encoding') as "encoding",
       pg_is_in_recovery() as "inRecovery",
       current_setting('transaction_read_only') as "readOnly"`,
  )
  if (rows[0] === undefined) throw new Error('the server gave no row of its settings')
  return rows[0]
}

/** Why the server cannot be used, in one line; undefined when it can. */
export const findServerFault = (server: ServerProperties): string | undefined => {
  if (server.versionNumber < oldestVersionNumber) {
    return `PostgreSQL ${server.version} is too old: version 15 or later is needed`
  }
  if (server.fsync !== 'on') return 'the database server runs with fsync off and would lose accepted tasks in a crash'
  if (server.encoding !== 'UTF8')
    return `the database is encoded in ${server.encoding}: only UTF8 can hold every payload`
  if (server.inRecovery) return 'the database server is a standby and takes no writes'
  return undefined
}

/** Why nothing can be written, although the server could be used. */
export const findReadOnlyFault = ({ readOnly }: ServerProperties): string | undefined =>
  readOnly === 'off'
    ? undefined
    : 'the database is read-only: default_transaction_read_only is on for it, for its role or for the whole server'
