import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { openDatabaseWatch } from './support/database-watch.ts'
import { post, request, submit, until, untilStatus } from './support/http.ts'
import { killAllProcesses, runTaskfold, startTaskfold } from './support/process.ts'

const slow = { timeout: 120_000 }

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  for (const role of ['owner', 'app']) await client.query(`create role ${role} login password 'hush'`)
  await client.query('create database shop owner owner')
  await client.end()
}, 60_000)
afterAll(async () => {
  await killAllProcesses()
  await server.remove()
})

const urlOf = (role: string): string =>
  Object.assign(new URL(server.url), { username: role, password: 'hush', pathname: '/shop' }).href

const migrate = (...words: readonly string[]) =>
  runTaskfold({ words: ['migrate', ...words], env: { DATABASE_URL: urlOf('owner') } })

describe('a role that owns nothing', () => {
  it('is told in one line which right it lacks', slow, async () => {
    expect((await migrate()).end).toBe(0)
    const { end, err } = await runTaskfold({ env: { DATABASE_URL: urlOf('app'), LOG_LEVEL: 'silent' } })
    expect(end).toBe(1)
    expect(err).toMatch(/^the database at [^\n]* refused: permission denied for [^\n]*--grant-to[^\n]*\n$/)
  })

  it('runs everything with the rights that the owner gives it, also thirty days later', slow, async () => {
    expect(await migrate('--grant-to', 'app')).toMatchObject({ end: 0, out: 'nothing to migrate\n' })
    const watch = await openDatabaseWatch(urlOf('owner'))
    // As on the day when the partitions that the owner made are used up.
    const [last] = await watch.query(`select max(inhrelid::regclass::text) as name from pg_inherits
       where inhparent = 'taskfold.events'::regclass`)
    await watch.query(`drop table ${String(last?.['name'])}`)
    const taskfold = await startTaskfold({ env: { DATABASE_URL: urlOf('app') } })
    const [made] = await watch.query(`select to_regclass('${String(last?.['name'])}') is not null as there`)
    expect(made).toEqual({ there: true })
    const task = await submit(taskfold.url, { type: 'demo.echo', payload: 1 })
    await untilStatus(taskfold.url, task.id, 'SUCCESS')
    // It need not see what others do to see that they do it in another database.
    const elsewhere = new pg.Client({ connectionString: server.url })
    await elsewhere.connect()
    await elsewhere.query('begin')
    await elsewhere.query('select pg_current_xact_id()')
    const followed = await submit(taskfold.url, { type: 'demo.echo', payload: 2 })
    await until('its event in the feed', async () => {
      const { body } = await request<{ readonly items: readonly { readonly taskId: string }[] }>(
        taskfold.url,
        '/api/events?limit=1000',
      )
      return body.items.some(({ taskId }) => taskId === followed.id) ? body : undefined
    })
    await elsewhere.query('rollback')
    await elsewhere.end()
    const later = await submit(taskfold.url, { type: 'demo.echo', payload: 1, delayMs: 3_600_000 })
    expect((await post(taskfold.url, `/api/tasks/${later.id}/cancel`, {})).status).toBe(200)
    taskfold.signal('SIGTERM')
    expect(await taskfold.ended).toBe(0)
    const complaints = taskfold.logs.filter((line) => line.includes('permission denied'))
    expect(complaints).toEqual([])
    for (const word of ['rebuild', 'doctor']) {
      const { out, err } = await runTaskfold({ words: [word], env: { DATABASE_URL: urlOf('app') } })
      expect(out + err).not.toContain('permission denied')
    }
    await watch.close()
  })

  it('cannot edit history', slow, async () => {
    const watch = await openDatabaseWatch(urlOf('app'))
    for (const statement of ['delete from taskfold.events', 'update taskfold.installation set generation = 7']) {
      await expect(watch.query(statement)).rejects.toThrow('permission denied')
    }
    await watch.close()
  })

  it('is refused by name when there is none of that name', slow, async () => {
    const { end, err } = await migrate('--grant-to', 'nobody')
    expect(end).toBe(1)
    expect(err).toMatch(/^the database at [^\n]* refused: role "nobody" does not exist\n$/)
  })
})
