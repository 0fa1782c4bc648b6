import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { migrate, readMigrationState } from '#adapters/postgres/migrate/migrate.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/test-database.ts'
import { dumpSchema } from '../support/dump-schema.ts'
import { toAddress } from '../../../support/database-address.ts'

const shipped = join(import.meta.dirname, '../../../../migrations')

let database: TestDatabase
let client: pg.Client
let folder: string

beforeEach(async () => {
  database = await createTestDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  folder = await mkdtemp(join(tmpdir(), 'taskfold-migrations-'))
  await cp(shipped, folder, { recursive: true })
})
afterEach(async () => {
  await client.end()
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

const run = (release = '1.0.0'): Promise<readonly string[]> =>
  migrate({ address: toAddress(database.url), logger: silentLogger, folder, release })

const readState = (release = '1.0.0') => readMigrationState({ address: toAddress(database.url), folder, release })

const place = (name: string): string => join(folder, 'functions', `${name}.sql`)
const write = (name: string, text: string): Promise<void> => writeFile(place(name), text)
const edit = async (name: string, from: string, to: string): Promise<void> => {
  const text = await readFile(place(name), 'utf8')
  await write(name, text.replace(from, to))
}

/** The functions of that name, each with its identity and what the catalog says of who may execute it. */
const find = async (name: string) => {
  const { rows } = await client.query<{ oid: number; argumentCount: number; acl: string | null }>(
    `select oid::int, pronargs::int as "argumentCount", proacl::text as acl
     from pg_proc where pronamespace = 'taskfold'::regnamespace and proname = $1`,
    [name],
  )
  return rows
}

const ask = async (query: string): Promise<unknown> => {
  const { rows } = await client.query<{ answer: unknown }>(`select ${query} as answer`)
  return rows[0]?.answer
}

const causeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a database that is up to date', () => {
  it('is left alone, even while another process holds every lock of a migration', async () => {
    await run()
    const before = await find('append')
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(7461736666011)')
    await client.query('lock table taskfold.migrations, taskfold.functions in share row exclusive mode')
    expect(await run()).toEqual([])
    await client.query('rollback')
    expect(await find('append')).toEqual(before)
    expect(await readState()).toEqual({ kind: 'current' })
  })

  it('was made once by all processes that started together', async () => {
    const applied = await Promise.all([run(), run(), run()])
    expect(applied.map((names) => names.length > 0).filter(Boolean)).toHaveLength(1)
  })
})

describe('a function whose text differs', () => {
  it('is applied anew and in place, and no other', async () => {
    await run()
    const before = await find('count_hints')
    await edit('count_hints', 'return (', 'return 7 + (')
    expect(await readState()).toEqual({ kind: 'pending', names: ['functions/count_hints'] })
    expect(await run()).toEqual(['functions/count_hints'])
    expect(await ask('taskfold.count_hints(1, 1)')).toBe(7)
    expect(await find('count_hints')).toEqual(before)
    expect(await run()).toEqual([])
  })

  it('may have other arguments, and keeps to whom it was granted', async () => {
    await run()
    await client.query('revoke execute on function taskfold.count_hints from public')
    await client.query('grant execute on function taskfold.count_hints to pg_monitor')
    const [before] = await find('count_hints')
    await edit('count_hints', 'p_count_max int\n)', 'p_count_max int,\n  p_more int default 5\n)')
    await edit('count_hints', 'return (', 'return p_more + (')
    expect(await run()).toEqual(['functions/count_hints'])
    const after = await find('count_hints')
    expect(after).toEqual([{ oid: expect.any(Number), argumentCount: 3, acl: before?.acl }])
    expect(await ask('taskfold.count_hints(1, 1)')).toBe(5)
  })

  it('may answer with another type', async () => {
    await run()
    await edit('count_hints', 'returns int', 'returns bigint')
    await run()
    expect(await ask('pg_typeof(taskfold.count_hints(1, 1))::text')).toBe('bigint')
  })

  it('leaves the generation of the event feed as it is', async () => {
    await run()
    await client.query(`update taskfold.installation set home = 'elsewhere'`)
    await client.query('select taskfold.adopt_installation()')
    const position = await ask(`taskfold.feed_position('5')::text`)
    for (const name of ['adopt_installation', 'read_feed', 'append']) await edit(name, '-- ', '-- Anew: ')
    expect(await run()).toHaveLength(3)
    expect(position).toBe(String(2 ** 44 + 5))
    expect(await ask(`taskfold.feed_position('5')::text`)).toBe(position)
  })

  it('is replaced under a session that calls it, which never fails', async () => {
    await run()
    let calls = 0
    let state: 'calling' | 'done' = 'calling'
    const calling = (async () => {
      while (state === 'calling') {
        await client.query({ name: 'count', text: 'select taskfold.count_hints(1, 1)' })
        calls += 1
      }
    })()
    for (let round = 0; round < 5; round += 1) {
      await edit('count_hints', '-- ', `-- ${round} `)
      expect(await run()).toEqual(['functions/count_hints'])
    }
    state = 'done'
    await calling
    expect(calls).toBeGreaterThan(5)
  })

  it('is made again when it was dropped by other means', async () => {
    await run()
    await client.query('drop function taskfold.count_hints')
    expect(await run()).toEqual(['functions/count_hints'])
    expect(await find('count_hints')).toHaveLength(1)
  })
})

describe('a migration that alters a table behind a pg_dump', () => {
  it('lets the beats of workers pass, and is applied once the table is free', async () => {
    await run()
    await writeFile(join(folder, '9999_more.sql'), '-- More.\nalter table taskfold.workers add column more int;\n')
    const dump = new pg.Client({ connectionString: database.url })
    await dump.connect()
    await dump.query('begin')
    await dump.query('lock table taskfold.workers in access share mode')
    const applied = run()
    // As long as it takes until the migration has given up and tried again.
    await client.query(`set statement_timeout = '2s'`)
    const waits = () => ask(`(select count(*)::int from pg_locks where mode = 'AccessExclusiveLock' and not granted)`)
    for (let rounds = 0; rounds < 2; rounds += 1) {
      await expect.poll(waits, { timeout: 10_000, interval: 10 }).toBe(1)
      await client.query('update taskfold.workers set beat = beat + 1')
      await expect.poll(waits, { timeout: 10_000, interval: 10 }).toBe(0)
    }
    await dump.query('commit')
    await dump.end()
    expect(await applied).toEqual(['9999_more'])
  })
})

describe('functions that call each other', () => {
  it('are made whatever the order of their names', async () => {
    await write(
      'a_first',
      `create function taskfold.a_first() returns int language sql as 'select taskfold.b_second()';`,
    )
    await write('b_second', `create or replace function taskfold.b_second() returns int language sql as 'select 2';`)
    await edit('a_first', 'create function', 'create or replace function')
    await run()
    expect(await ask('taskfold.a_first()')).toBe(2)
  })

  it('are checked once all are there, and nothing is changed when one is broken', async () => {
    await run()
    const before = await dumpSchema(client)
    await edit('count_hints', 'return (', 'return 7 + (')
    await write(
      'a_first',
      `create or replace function taskfold.a_first() returns int language sql as 'select taskfold.b()';`,
    )
    const error = await causeOf(run())
    expect(error).toBeInstanceOf(StartupError)
    expect(String(error)).toContain('taskfold.b() does not exist')
    expect(await dumpSchema(client)).toBe(before)
  })
})

describe('a function that the release no longer has', () => {
  it('is dropped, and those that no release made are left', async () => {
    await write('a_first', `create or replace function taskfold.a_first() returns int language sql as 'select 1';`)
    await run()
    await client.query(`create function taskfold.of_a_person() returns int language sql as 'select 1'`)
    await rm(place('a_first'))
    expect(await run()).toEqual(['functions/a_first'])
    expect(await find('a_first')).toEqual([])
    expect(await find('of_a_person')).toHaveLength(1)
    expect(await run()).toEqual([])
  })
})

describe('a database of a later release', () => {
  it('is refused for a migration that this one does not have', async () => {
    await run()
    await client.query(`insert into taskfold.migrations (name) values ('9999_later')`)
    expect(String(await causeOf(run()))).toContain('a later release has migrated the database (9999_later)')
    expect(await readState()).toEqual({ kind: 'later-release', names: ['9999_later'] })
  })

  it('is refused for a text that this one must not put back', async () => {
    const text = await readFile(place('count_hints'), 'utf8')
    await edit('count_hints', '-- ', '-- Anew: ')
    await run('1.1.0')
    await write('count_hints', text)
    expect(String(await causeOf(run('1.0.0')))).toContain('(functions/count_hints)')
    expect(await run('1.2.0')).toEqual(['functions/count_hints'])
  })
})

describe('a database that was made before the first release', () => {
  it('is named in one line that says what to do, and left as it is', async () => {
    await client.query('create schema taskfold')
    await client.query(
      'create table taskfold.migrations (id serial primary key, name text not null, run_on timestamp not null)',
    )
    await client.query(
      `insert into taskfold.migrations (name, run_on) values
       ('0001_routes', now()), ('0002_tasks', now()), ('0003_events', now()), ('0014_append_manners', now())`,
    )
    const before = await dumpSchema(client)
    const error = await causeOf(run())
    expect(error).toBeInstanceOf(StartupError)
    expect(String(error)).toMatch(/^[^\n]*before the first release[^\n]*drop schema taskfold cascade[^\n]*$/)
    expect(await readState()).toEqual({ kind: 'unsupported', name: '0001_routes' })
    expect(await dumpSchema(client)).toBe(before)
  })
})
