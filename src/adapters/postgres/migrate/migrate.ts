import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { MigrationState } from '#application/ports/diagnostics.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import manifest from '../../../../package.json' with { type: 'json' }
import type { DatabaseAddress } from '../connection/database-address.ts'
import { type BriefSession, inBriefSession } from '../connection/brief-session.ts'
import { toDatabaseError } from '../connection/database-error.ts'
import { findServerError } from '../connection/errors.ts'
import { findReadOnlyFault, findServerFault, readServerProperties } from '../connection/server-fault.ts'
import { readApplied, recordMigration } from './applied.ts'
import { compareSchema, findChanges, type SchemaChanges } from './compare-schema.ts'
import { dropFunction, replaceFunctions, revokeFromPublic } from './replace-functions.ts'
import { readSchemaFiles, type SchemaFiles } from './schema-files.ts'

export interface MigrateOptions {
  /** Of the database itself or of a pooler. */
  readonly address: DatabaseAddress
  readonly logger: Logger
  /** Holds the migrations as `.sql` files, applied in order of name, and the functions in `functions/`. Left out: those of this release. */
  readonly folder?: string
  /** The version of the release that the folder is of. Left out: that of package.json. */
  readonly release?: string
  /** For the connection, and for reading the state of the database; migrations have 15 minutes. */
  readonly answerDeadlineMs?: number
}

const ownFolder = join(import.meta.dirname, '../../../../migrations')

/** A number of our own, so that migrations of other programs in the same database do not wait for ours. */
const lockNumber = 7_461_736_666_011

const answerDeadlineMsDefault = 10_000
/** How long to wait for another process that migrates, at a time: nothing queues behind that lock but other migrations. */
const turnDeadlineMs = 120_000
/**
 * How long a statement waits for the lock of a table. Everybody else's statements queue behind one that waits for a strong lock,
 * beats included: behind a `pg_dump` that would fence the whole fleet. So it gives up, and all is tried again later.
 */
const tableLockMs = 200
const tryAgainMs = 1_000
const migrationDeadlineMs = 900_000

/**
 * Brings the database to this release, in one transaction: all of its changes or none. First the migrations that are missing,
 * each once; then the functions whose text differs from the one in force, and those that the release no longer has are
 * dropped. Any number of processes may start at once, beside others at work: one applies, the others wait for it. A database
 * that is up to date is only read, without a lock, so that the role of an ordinary start needs no right to change tables. No
 * superuser is needed for anything. Beside others at work: a statement waits for no table longer than 200 ms.
 *
 * Answers the names of what it applied, functions as `functions/<name>`. Throws DatabaseUnreachableError when there is no
 * answer in time, and StartupError for a server that is too old, is read-only or does not write safely, a database that a later release has
 * migrated or whose schema was made before the first release, and changes that fail.
 */
export const migrate = async ({
  address,
  logger,
  folder = ownFolder,
  release = manifest.version,
  answerDeadlineMs = answerDeadlineMsDefault,
}: MigrateOptions): Promise<readonly string[]> => {
  const files = await readSchemaFiles(folder)
  const session = {
    address,
    applicationName: 'taskfold migrate',
    connectDeadlineMs: answerDeadlineMs,
    workDeadlineMs: answerDeadlineMs,
  }
  const pending = await inDatabase(session, async (client) => {
    const server = await readServerProperties(client)
    const fault = findServerFault(server) ?? findReadOnlyFault(server)
    if (fault !== undefined) throw new StartupError(fault)
    return listPending(compareSchema(files, await readApplied(client), release))
  })
  if (pending.length === 0) return []
  const patient = { ...session, workDeadlineMs: migrationDeadlineMs }
  const applied = await inDatabase(patient, (client) => applyPatiently(client, files, release, logger))
  if (applied.length > 0) logger.info({ migrations: applied }, 'migrated the database')
  return applied
}

/** Compares without changing anything. Throws as `migrate` does, but tells of a database of another release. */
export const readMigrationState = async ({
  address,
  folder = ownFolder,
  release = manifest.version,
  answerDeadlineMs = answerDeadlineMsDefault,
}: Omit<MigrateOptions, 'logger'>): Promise<MigrationState> => {
  const files = await readSchemaFiles(folder)
  const session = {
    address,
    applicationName: 'taskfold doctor',
    connectDeadlineMs: answerDeadlineMs,
    workDeadlineMs: answerDeadlineMs,
  }
  return inDatabase(session, async (client) => compareSchema(files, await readApplied(client), release))
}

const inDatabase = async <Answer>(
  session: BriefSession,
  work: (client: pg.Client) => Promise<Answer>,
): Promise<Answer> => {
  try {
    return await inBriefSession(session, work)
  } catch (error) {
    throw error instanceof StartupError ? error : toDatabaseError(session.address, error)
  }
}

/** Throws StartupError for a database that this release cannot work with. */
const listPending = (state: MigrationState): readonly string[] => {
  switch (state.kind) {
    case 'current':
      return []
    case 'pending':
      return state.names
    case 'later-release':
      throw new StartupError(
        `a later release has migrated the database (${state.names.join(', ')}): start that release, or one after it`,
      )
    case 'unsupported':
      throw new StartupError(
        `the schema taskfold was made before the first release (${state.name}) and cannot be migrated: ` +
          'make it anew with `drop schema taskfold cascade`, which deletes its tasks, or use another database',
      )
  }
}

const lockNotAvailable = '55P03'

/** Tries again while others hold the locks, for as long as the session has. */
const applyPatiently = async (
  client: pg.Client,
  files: SchemaFiles,
  release: string,
  logger: Logger,
): Promise<readonly string[]> => {
  let lastError: unknown
  for (const endsAtMs = performance.now() + migrationDeadlineMs * 0.9; performance.now() < endsAtMs;) {
    try {
      return await applyLocked(client, files, release)
    } catch (error) {
      await client.query('rollback')
      if (findServerError(error)?.code !== lockNotAvailable) throw error
      if (lastError === undefined) {
        logger.warn({ err: error }, 'waits to migrate: a transaction such as that of a pg_dump holds a table')
      }
      lastError = error
      await sleep(tryAgainMs)
    }
  }
  throw lastError
}

/**
 * One transaction from the lock to the last change: lock and settings are its own and go with it, so that none is left behind
 * in a session that a pooler gives to another process.
 */
const applyLocked = async (client: pg.Client, files: SchemaFiles, release: string): Promise<readonly string[]> => {
  await client.query('begin')
  await setLockTimeout(client, turnDeadlineMs)
  await client.query('select pg_advisory_xact_lock($1)', [lockNumber])
  await setLockTimeout(client, tableLockMs)
  const applied = await readApplied(client)
  const pending = listPending(compareSchema(files, applied, release))
  // Whatever the database says: what is made now is relied on from the next connection on.
  await client.query('set local synchronous_commit = on')
  if (pending.length > 0) await applyChanges(client, findChanges(files, applied), release)
  await client.query('commit')
  return pending
}

const setLockTimeout = async (client: pg.Client, ms: number): Promise<void> => {
  await client.query(`select set_config('lock_timeout', $1, true)`, [`${ms}`])
}

const applyChanges = async (client: pg.Client, changes: SchemaChanges, release: string): Promise<void> => {
  await makeSchema(client)
  for (const migration of changes.migrations) {
    await client.query(migration.text)
    await recordMigration(client, migration)
  }
  for (const name of changes.dropped) await dropFunction(client, name)
  await replaceFunctions(client, changes.functions, release)
  await revokeFromPublic(client)
}

/** Not `if not exists`: that asks for the right to create schemas even where this one exists and is ours. */
const makeSchema = async (client: pg.Client): Promise<void> => {
  const { rowCount } = await client.query(`select from pg_namespace where nspname = 'taskfold'`)
  if (rowCount === 0) await client.query('create schema taskfold')
}
