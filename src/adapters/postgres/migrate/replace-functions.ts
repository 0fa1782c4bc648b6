import pg from 'pg'
import { forgetFunction, recordFunction } from './applied.ts'
import type { SchemaFile } from './schema-files.ts'

/**
 * Makes functions, or makes them anew, within the transaction of the client.
 *
 * In two rounds, so that their order does not matter: the first makes them unchecked, because the body of a function in SQL
 * may call one that is not there yet; the second has each body checked.
 *
 * A function whose arguments stay is replaced in place: sessions that call it meanwhile run the one or the other. One whose
 * arguments or result change is dropped and made again with the same grants, and so is one of several of that name.
 */
export const replaceFunctions = async (
  client: pg.Client,
  functions: readonly SchemaFile[],
  release: string,
): Promise<void> => {
  await client.query('set local check_function_bodies = off')
  for (const each of functions) await replaceFunction(client, each)
  await client.query('set local check_function_bodies = on')
  for (const { text } of functions) await client.query(text)
  for (const each of functions) await recordFunction(client, each, release)
}

/**
 * Takes from everybody what PostgreSQL grants with each new function. One that was granted to somebody is left as it is, so that
 * an operator's word stands.
 */
export const revokeFromPublic = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ signature: string }>(
    `select p.oid::regprocedure::text as signature
     from pg_proc p
     where p.pronamespace = 'taskfold'::regnamespace
     and p.proacl is null`,
  )
  for (const { signature } of rows) await client.query(`revoke execute on function ${signature} from public`)
}

/** Drops all functions of that name. Throws when an object of another schema depends on one, such as a view. */
export const dropFunction = async (client: pg.Client, name: string): Promise<void> => {
  await dropAll(client, name)
  await forgetFunction(client, name)
}

/** "Cannot change the return type", or the name or default of an argument. */
const invalidFunctionDefinition = '42P13'

const replaceFunction = async (client: pg.Client, { name, text }: SchemaFile): Promise<void> => {
  await client.query('savepoint replacing')
  if (await isReplaced(client, name, text)) return
  await client.query('rollback to savepoint replacing')
  const grants = await readGrants(client, name)
  await dropAll(client, name)
  await client.query(text)
  await restoreGrants(client, name, grants)
}

/** Whether the text could be applied in place. False when an earlier function of that name is left beside the new one. */
const isReplaced = async (client: pg.Client, name: string, text: string): Promise<boolean> => {
  try {
    await client.query(text)
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === invalidFunctionDefinition) return false
    throw error
  }
  const { length } = await listSignatures(client, name)
  if (length === 0) throw new Error(`migrations/functions/${name}.sql makes no function taskfold.${name}`)
  return length === 1
}

const dropAll = async (client: pg.Client, name: string): Promise<void> => {
  for (const signature of await listSignatures(client, name)) await client.query(`drop function ${signature}`)
}

/** Such as `taskfold.lowest_task_id(timestamp with time zone)`, quoted where need be. */
const listSignatures = async (client: pg.Client, name: string): Promise<readonly string[]> => {
  const { rows } = await client.query<{ signature: string }>(
    `select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as signature
     from pg_proc p
     join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'taskfold'
     and p.proname = $1`,
    [name],
  )
  return rows.map(({ signature }) => signature)
}

/** To whom the functions of that name are granted, as the ends of statements; undefined when nothing was ever granted. */
const readGrants = async (client: pg.Client, name: string): Promise<readonly string[] | undefined> => {
  const { rows } = await client.query<{ clause: string }>(
    `select distinct
       format(
         'to %s%s',
         case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
         case when a.is_grantable then ' with grant option' end) as clause
     from pg_proc p
     join pg_namespace n on n.oid = p.pronamespace
     cross join aclexplode(p.proacl) a
     where n.nspname = 'taskfold'
     and p.proname = $1`,
    [name],
  )
  return rows.length === 0 ? undefined : rows.map(({ clause }) => clause)
}

/** A function that was never granted is everybody's to execute; one that was is only theirs who were named. */
const restoreGrants = async (client: pg.Client, name: string, grants: readonly string[] | undefined): Promise<void> => {
  if (grants === undefined) return
  for (const signature of await listSignatures(client, name)) {
    await client.query(`revoke execute on function ${signature} from public`)
    for (const clause of grants) await client.query(`grant execute on function ${signature} ${clause}`)
  }
}
