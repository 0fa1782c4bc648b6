import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createTestDatabase } from '../../../support/test-database.ts'
import { dumpSchema } from '../support/dump-schema.ts'
import { toAddress } from '../../../support/database-address.ts'

const folder = join(import.meta.dirname, '../../../../migrations')

/** Runs in a new database, which goes afterwards. */
const inNewDatabase = async <Answer>(work: (client: pg.Client, url: string) => Promise<Answer>): Promise<Answer> => {
  const database = await createTestDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    return await work(client, database.url)
  } finally {
    await client.end()
    await database.close()
  }
}

const listSql = (place: string): readonly string[] =>
  readdirSync(place)
    .filter((file) => file.endsWith('.sql'))
    .sort()

const readText = (place: string, file: string): string => readFileSync(join(place, file), 'utf8')

describe('the schema of a migrated database', () => {
  // After a change that is meant: npx vitest run --project integration test/adapters/postgres/migrate/schema.test.ts -u
  it('is the one in schema.sql, with one partition of the events', async () => {
    const dump = await inNewDatabase(async (client, url) => {
      await migrate({ address: toAddress(url), logger: silentLogger })
      await client.query(`select taskfold.make_event_partitions('2026-01-07', 1)`)
      return dumpSchema(client)
    })
    await expect(dump).toMatchFileSnapshot('schema.sql')
  })
})

describe('a function', () => {
  it('is not for everybody to execute, and with the rights of its owner looks nowhere but where it was told', async () => {
    const { rows } = await inNewDatabase(async (client, url) => {
      await migrate({ address: toAddress(url), logger: silentLogger })
      return client.query<{ name: string; definer: boolean; path: string | null; everybody: boolean }>(
        `select
           p.proname as name,
           p.prosecdef as definer,
           (select s from unnest(p.proconfig) s where s like 'search_path=%') as path,
           exists (
             select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g where g.grantee = 0
           ) as everybody
         from pg_proc p
         where p.pronamespace = 'taskfold'::regnamespace`,
      )
    })
    expect(rows.length).toBeGreaterThan(10)
    expect(rows.filter(({ everybody }) => everybody)).toEqual([])
    const definers = rows.filter(({ definer }) => definer)
    expect(definers.length).toBeGreaterThan(0)
    for (const { path } of definers) expect(path).toBe('search_path=taskfold, pg_temp')
  })
})

describe('the migrations', () => {
  it('need no function of the folder functions, which is applied after them', async () => {
    await inNewDatabase(async (client) => {
      await client.query('create schema taskfold')
      for (const file of listSql(folder)) await client.query(readText(folder, file))
    })
  })

  it.each(listSql(folder))('open with the reason of what they make: %s', (file) => {
    expect(readText(folder, file)).toMatch(/^-- \S/)
  })
})

describe('the functions', () => {
  const functions = join(folder, 'functions')

  it.each(listSql(functions))('stand one a file of their name, under their contract: %s', (file) => {
    const text = readText(functions, file)
    const made = [...text.matchAll(/^create (?:or replace )?\w+ (\S+?)[ (]/gm)].map(([, name]) => name)
    expect(made).toEqual([`taskfold.${file.slice(0, -'.sql'.length)}`])
    expect(text).toMatch(/^(?:--[^\n]*\n)+\ncreate or replace function /)
  })
})
