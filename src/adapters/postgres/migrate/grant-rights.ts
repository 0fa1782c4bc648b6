import pg from 'pg'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { toDatabaseError } from '../connection/database-error.ts'
import type { DatabaseAddress } from '../connection/database-address.ts'
import { inBriefSession } from '../connection/brief-session.ts'

const deadlineMs = 30_000

/**
 * Gives a role what it needs to run every role of the product in a database that another one owns, and nothing more: history
 * can be added to and read, what has been applied and the identity of the installation only read. To be done as the owner,
 * again after each migration: new tables and functions are nobody's but the owner's.
 *
 * What needs more (partitions, another generation of the feed) is in functions with the rights of their owner. Idempotent.
 * Throws StartupError.
 */
export const grantRights = async (address: DatabaseAddress, role: string): Promise<void> => {
  const session = {
    address,
    applicationName: 'taskfold migrate',
    connectDeadlineMs: deadlineMs,
    workDeadlineMs: deadlineMs,
  }
  try {
    await inBriefSession(session, async (client) => {
      const to = pg.escapeIdentifier(role)
      await client.query('begin')
      await client.query(`grant usage on schema taskfold to ${to}`)
      for (const { table, rights } of await listTables(client)) {
        await client.query(`grant ${rights} on table taskfold.${pg.escapeIdentifier(table)} to ${to}`)
      }
      await client.query(`grant execute on all functions in schema taskfold to ${to}`)
      await client.query('commit')
    })
  } catch (error) {
    throw error instanceof StartupError ? error : toDatabaseError(address, error)
  }
}

/** Partitions are reached through their parent, whose rights count. */
const listTables = async (
  client: pg.Client,
): Promise<readonly { readonly table: string; readonly rights: string }[]> => {
  const { rows } = await client.query<{ table: string; rights: string }>(
    `select
       c.relname as table,
       case
         when c.relname in ('migrations', 'functions', 'installation') then 'select'
         when c.relname = 'events' then 'select, insert'
         when c.relname = 'queue_hints' then 'select, insert, update, delete, truncate'
         else 'select, insert, update, delete'
       end as rights
     from pg_class c
     where c.relnamespace = 'taskfold'::regnamespace
     and c.relkind in ('r', 'p')
     and not c.relispartition
     order by c.relname`,
  )
  return rows
}
