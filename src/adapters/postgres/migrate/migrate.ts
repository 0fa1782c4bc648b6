import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { type BriefSession, inBriefSession } from '../connection/brief-session.ts'
import { toDatabaseError } from '../connection/database-error.ts'
import { findServerFault, readServerProperties } from '../connection/server-fault.ts'

export interface MigrateOptions {
  /** Of the database itself or of a pooler. */
  readonly url: string
  readonly logger: Logger
  /** Holds one `.sql` file a migration, applied in order of name. Left out: those of this release. */
  readonly folder?: string
  /** For the connection, and for each look at the server; not for the migrations. */
  readonly answerDeadlineMs?: number
}

const ownFolder = join(import.meta.dirname, '../../../../migrations')
const schema = 'taskfold'
const table = 'migrations'

/** Of our own, so that nobody else's migrations in the same database wait for ours. */
const lockNumber = 7_461_736_666_011

const answerDeadlineMsDefault = 10_000
/** How long another starter's migrations may keep us. Also bounds every lock that a migration itself waits for. */
const lockDeadlineMs = 120_000
const migrationDeadlineMs = 900_000

/**
 * Brings the database to this release, in one transaction: all of its migrations or none. Any number of processes may start
 * at once; one applies, the others wait for it. A database that is up to date is only read, so that the role of an ordinary
 * start needs no right to change tables. No superuser is needed for anything.
 *
 * Answers the names of the migrations it applied. Throws DatabaseUnreachableError when there is no answer in time, and
 * StartupError for a server that is too old or does not write safely, a database that a later release has migrated, and
 * migrations that fail.
 */
export const migrate = async ({
  url,
  logger,
  folder = ownFolder,
  answerDeadlineMs = answerDeadlineMsDefault,
}: MigrateOptions): Promise<readonly string[]> => {
  const names = await listMigrations(folder)
  const session = {
    url,
    applicationName: 'taskfold migrate',
    connectDeadlineMs: answerDeadlineMs,
    workDeadlineMs: answerDeadlineMs,
  }
  const missing = await inDatabase(session, async (client) => {
    const fault = findServerFault(await readServerProperties(client))
    if (fault !== undefined) throw new StartupError(fault)
    return findMissing(names, await readApplied(client))
  })
  if (missing.length === 0) return []
  const patient = { ...session, workDeadlineMs: migrationDeadlineMs }
  const applied = await inDatabase(patient, (client) => applyLocked(client, folder, names))
  if (applied.length > 0) logger.info({ migrations: applied }, 'migrated the database')
  return applied
}

/** How a database stands to this release. */
export interface MigrationState {
  /** What `migrate` would apply. */
  readonly pending: readonly string[]
  /** What a later release has applied. */
  readonly unknown: readonly string[]
}

/** Compares without changing anything. Throws as `migrate` does. */
export const readMigrationState = async ({
  url,
  folder = ownFolder,
  answerDeadlineMs = answerDeadlineMsDefault,
}: Omit<MigrateOptions, 'logger'>): Promise<MigrationState> => {
  const names = await listMigrations(folder)
  const session = {
    url,
    applicationName: 'taskfold doctor',
    connectDeadlineMs: answerDeadlineMs,
    workDeadlineMs: answerDeadlineMs,
  }
  const applied = await inDatabase(session, readApplied)
  return {
    pending: names.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !names.includes(name)),
  }
}

const inDatabase = async <Answer>(
  session: BriefSession,
  work: (client: pg.Client) => Promise<Answer>,
): Promise<Answer> => {
  try {
    return await inBriefSession(session, work)
  } catch (error) {
    throw error instanceof StartupError ? error : toDatabaseError(session.url, error)
  }
}

const listMigrations = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder))
    .filter((file) => /^[^.].*\.sql$/.test(file))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort()

/** What to apply. Throws StartupError when the database knows a migration that we do not. */
const findMissing = (names: readonly string[], applied: readonly string[]): readonly string[] => {
  const unknown = applied.filter((name) => !names.includes(name))
  if (unknown.length === 0) return names.filter((name) => !applied.includes(name))
  throw new StartupError(
    `a later release has migrated the database (${unknown.join(', ')}): start that release, or one after it`,
  )
}

const readApplied = async (client: pg.Client): Promise<readonly string[]> => {
  const { rows: tables } = await client.query<{ found: boolean }>(
    `select exists (
       select from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relname = $2
     ) as found`,
    [schema, table],
  )
  if (tables[0]?.found !== true) return []
  const { rows } = await client.query<{ name: string }>(`select name from ${schema}.${table} order by id`)
  return rows.map(({ name }) => name)
}

/**
 * One transaction from the lock to the last migration: lock and settings are its own and go with it, so that none is left
 * behind in a session that a pooler gives to somebody else.
 */
const applyLocked = async (client: pg.Client, folder: string, names: readonly string[]): Promise<readonly string[]> => {
  await client.query('begin')
  await client.query(`select set_config('lock_timeout', $1, true)`, [`${lockDeadlineMs}`])
  await client.query('select pg_advisory_xact_lock($1)', [lockNumber])
  if (findMissing(names, await readApplied(client)).length === 0) {
    await client.query('commit')
    return []
  }
  await makeSchema(client)
  await client.query(`select set_config('search_path', $1, true)`, [schema])
  // Loaded here, because nearly every start finds nothing to apply.
  const { runner } = await import('node-pg-migrate')
  const applied = await runner({
    dbClient: client,
    dir: folder,
    ignorePattern: String.raw`\..*|.*(?<!\.sql)`,
    direction: 'up',
    // No `schema`: it would set the search path of the session.
    migrationsSchema: schema,
    migrationsTable: table,
    // Its BEGIN is of no effect within ours, and its COMMIT ends ours.
    singleTransaction: true,
    // Held already, since before the schema was made: `create schema if not exists` is not safe against itself.
    noLock: true,
    log: () => {},
  })
  return applied.map(({ name }) => name)
}

/** Not `if not exists`: that asks for the right to create schemas even where this one exists and is ours. */
const makeSchema = async (client: pg.Client): Promise<void> => {
  const { rowCount } = await client.query('select from pg_namespace where nspname = $1', [schema])
  if (rowCount === 0) await client.query(`create schema ${schema}`)
}
