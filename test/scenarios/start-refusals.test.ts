import pg from 'pg'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../support/test-database.ts'
import { post, submit, until, untilStatus } from './support/http.ts'
import { killAllProcesses, runTaskfold, startTaskfold } from './support/process.ts'

afterEach(killAllProcesses)

/** A migrated database, and how to run a statement in it as its owner. */
const prepare = async () => {
  const database = await createTestDatabase()
  const owner = new pg.Client({ connectionString: database.url })
  await owner.connect()
  onTestFinished(async () => {
    await owner.end()
    await database.close()
  })
  expect(await runTaskfold({ words: ['migrate'], env: { DATABASE_URL: database.url } })).toMatchObject({ end: 0 })
  return { url: database.url, name: database.name, execute: (text: string) => owner.query(text) }
}

const start = async (url: string, words: readonly string[] = []) => {
  const { end, out, err } = await runTaskfold({ words, env: { DATABASE_URL: url, LOG_LEVEL: 'silent' } })
  expect({ end, out }).toEqual({ end: 1, out: '' })
  expect(err).toMatch(/^[^\n]+\n$/)
  return err
}

describe('a start whose database fails after its migrations', () => {
  test('says in one line that it is read-only, whatever is started', { timeout: 90_000 }, async () => {
    const { url, name, execute } = await prepare()
    await execute(`alter database ${name} set default_transaction_read_only = on`)
    for (const words of [[], ['api'], ['worker'], ['migrate'], ['rebuild']]) {
      expect(await start(url, words)).toContain('the database is read-only: default_transaction_read_only is on')
    }
  })

  test('says in one line which right its role lacks', { timeout: 90_000 }, async () => {
    const { url, name, execute } = await prepare()
    const role = `${name}_role`
    await execute(`create role ${role} login password 'hush'`)
    onTestFinished(async () => {
      await execute(`drop owned by ${role}`)
      await execute(`drop role ${role}`)
    })
    await execute(`grant usage on schema taskfold to ${role}`)
    await execute(`grant select on all tables in schema taskfold to ${role}`)
    const address = new URL(url)
    address.username = role
    address.password = 'hush'
    const err = await start(address.href)
    expect(err).toMatch(/^the database at .* refused: permission denied/)
    expect(err).not.toContain('hush')
  })

  test('says in one line that a table of it is gone', { timeout: 90_000 }, async () => {
    const { url, execute } = await prepare()
    await execute('drop table taskfold.workers cascade')
    expect(await start(url, ['worker'])).toMatch(/^the database at .* refused: .*taskfold\.workers/)
  })
})

test('a database that becomes read-only is told as such, and as nothing else', { timeout: 90_000 }, async () => {
  const { url, name, execute } = await prepare()
  const taskfold = await startTaskfold({ env: { DATABASE_URL: url } })
  await untilStatus(taskfold.url, (await submit(taskfold.url, { type: 'demo.echo', payload: 1 })).id, 'SUCCESS')
  await execute(`alter database ${name} set default_transaction_read_only = on`)
  await execute(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
  )
  // The first requests may meet a connection that is gone, of which nobody knows what it has carried.
  const told = await until('the word for it', async () => {
    const { status, body } = await post<{ readonly detail: string }>(taskfold.url, '/api/tasks', { type: 'demo.echo' })
    return status === 503 && body.detail.includes('read-only') ? body : undefined
  })
  expect(told).toMatchObject({
    code: 'store-unavailable',
    detail: 'The store is read-only and takes no writes; nothing was changed.',
  })
})
