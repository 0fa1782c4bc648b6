import type pg from 'pg'
import type { SchemaFile } from './schema-files.ts'

/** What the database says has been applied to it. */
export interface Applied {
  readonly migrations: readonly string[]
  readonly functions: readonly AppliedFunction[]
}

export interface AppliedFunction {
  readonly name: string
  /** Of the text in force; empty when the function was dropped by other means. */
  readonly checksum: string
  /** The version of the release that applied it. */
  readonly release: string
}

/** Two or three short reads, of which none waits for a lock that `migrate` holds. */
export const readApplied = async (client: pg.Client): Promise<Applied> => {
  const { rows: tables } = await client.query<{ name: string }>(
    `select c.relname as name
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'taskfold'
     and c.relname in ('migrations', 'functions')`,
  )
  const found = new Set(tables.map(({ name }) => name))
  return {
    migrations: found.has('migrations') ? await readMigrations(client) : [],
    functions: found.has('functions') ? await readFunctions(client) : [],
  }
}

const readMigrations = async (client: pg.Client): Promise<readonly string[]> => {
  const { rows } = await client.query<{ name: string }>('select name from taskfold.migrations order by name')
  return rows.map(({ name }) => name)
}

const readFunctions = async (client: pg.Client): Promise<readonly AppliedFunction[]> => {
  const { rows } = await client.query<AppliedFunction>(
    `select
       f.name,
       case when exists (
         select
         from pg_proc p
         join pg_namespace n on n.oid = p.pronamespace
         where n.nspname = 'taskfold'
         and p.proname = f.name)
       then f.checksum else '' end as checksum,
       f.release
     from taskfold.functions f
     order by f.name`,
  )
  return rows
}

/** The table is made by the first migration. */
export const recordMigration = async (client: pg.Client, { name }: SchemaFile): Promise<void> => {
  await client.query('insert into taskfold.migrations (name) values ($1)', [name])
}

export const recordFunction = async (
  client: pg.Client,
  { name, checksum }: SchemaFile,
  release: string,
): Promise<void> => {
  await client.query(
    `insert into taskfold.functions as stored (name, checksum, release)
     values ($1, $2, $3)
     on conflict (name) do update
     set
       checksum = excluded.checksum,
       release = excluded.release,
       applied_at = clock_timestamp()`,
    [name, checksum, release],
  )
}

export const forgetFunction = async (client: pg.Client, name: string): Promise<void> => {
  await client.query('delete from taskfold.functions where name = $1', [name])
}
