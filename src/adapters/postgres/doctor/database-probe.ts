import type pg from 'pg'
import { DatabaseUnreachableError, StartupError } from '#application/diagnosis/startup-error.ts'
import type { DatabaseProbe, DatabaseServer } from '#application/ports/diagnostics.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'
import { inBriefSession } from '../connection/brief-session.ts'
import { toDatabaseError } from '../connection/database-error.ts'
import { readMigrationState } from '../migrate/migrate.ts'
import { findServerFault, readServerProperties } from '../connection/server-fault.ts'

interface Deps {
  readonly address: DatabaseAddress
  /** Past any pooler. */
  readonly directAddress: DatabaseAddress
}

const deadlineMs = 5_000
const notificationDeadlineMs = 2_000
const applicationName = 'taskfold doctor'

/** Each question has a connection of its own, so that one that hangs spoils no other. */
export const createPostgresDatabaseProbe = ({ address, directAddress }: Deps): DatabaseProbe => ({
  readServer: () => inDatabase(address, readServer),
  readMigrations: () => readMigrationState({ address: directAddress, answerDeadlineMs: deadlineMs }),
  hearNotification: () =>
    inDatabase(directAddress, (listener) =>
      inDatabase(directAddress, (notifier) => hearNotification(listener, notifier)),
    ),
})

const inDatabase = async <Answer>(
  address: DatabaseAddress,
  work: (client: pg.Client) => Promise<Answer>,
): Promise<Answer> => {
  try {
    return await inBriefSession(
      { address, applicationName, connectDeadlineMs: deadlineMs, workDeadlineMs: deadlineMs },
      work,
    )
  } catch (error) {
    throw error instanceof StartupError ? error : toDatabaseError(address, error)
  }
}

/** Any role may count the connections, though it may not see whose they are. */
const readServer = async (client: pg.Client): Promise<DatabaseServer> => {
  const properties = await readServerProperties(client)
  const { rows } = await client.query<Omit<DatabaseServer, 'version' | 'fault'>>(
    `select
       current_setting('synchronous_commit') as "synchronousCommit",
       current_setting('full_page_writes') as "fullPageWrites",
       current_setting('transaction_read_only') as "readOnly",
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as "connections",
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as "connectionsMax"`,
  )
  if (rows[0] === undefined) throw new DatabaseUnreachableError('the server gave no row of its settings')
  return { version: properties.version, fault: findServerFault(properties), ...rows[0] }
}

/** By two connections: behind a pooler a single one may be given the session that listens, and hear itself. */
const hearNotification = async (listener: pg.Client, notifier: pg.Client): Promise<'heard' | 'not-heard'> => {
  const heard = Promise.withResolvers<'heard' | 'not-heard'>()
  const channel = `taskfold_doctor_${process.pid}`
  listener.on('notification', () => heard.resolve('heard'))
  const timer = setTimeout(() => heard.resolve('not-heard'), notificationDeadlineMs)
  try {
    await listener.query(`listen ${channel}`)
    await notifier.query('select pg_notify($1, $2)', [channel, ''])
    return await heard.promise
  } finally {
    clearTimeout(timer)
    await listener.query(`unlisten ${channel}`)
  }
}
