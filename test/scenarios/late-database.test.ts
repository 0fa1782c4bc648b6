import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { startPostgresServer } from '../support/postgres-server.ts'
import { submit, until, untilStatus } from './support/http.ts'
import { killAllProcesses, runTaskfold, startTaskfold } from './support/process.ts'

afterEach(killAllProcesses)

const startServer = async () => {
  const server = await startPostgresServer()
  onTestFinished(() => server.remove())
  return server
}

/** Resolves when the first connection to a port has come and was closed without an answer; then the port is free again. */
const untilSomebodyCalls = async (port: number): Promise<void> => {
  const stub = createServer()
  stub.listen(port, '127.0.0.1')
  await once(stub, 'listening')
  const [socket]: Socket[] = await once(stub, 'connection')
  const closed = once(stub, 'close')
  stub.close()
  socket?.destroy()
  await closed
}

describe('a database that is not up yet', () => {
  test('is waited for, which is said once', async () => {
    const server = await startServer()
    await server.stop('fast')
    const asked = untilSomebodyCalls(server.port)
    const starting = startTaskfold({ env: { DATABASE_URL: server.url } })
    await asked
    await server.start()
    const taskfold = await starting
    const { id } = await submit(taskfold.url, { type: 'demo.echo', payload: 1 })
    await untilStatus(taskfold.url, id, 'SUCCESS')
    expect(taskfold.logs.filter((line) => line.includes('waits for the database'))).toHaveLength(1)
  }, 90_000)

  test('ends the start with one line when the time for it is over', async () => {
    const { end, out, err } = await runTaskfold({
      env: { DATABASE_URL: 'postgres://somebody:hush@127.0.0.1:1/there', START_WAIT_MS: '300', LOG_LEVEL: 'silent' },
    })
    expect({ end, out }).toEqual({ end: 1, out: '' })
    expect(err).toMatch(/^the database at 127\.0\.0\.1:1 could not be reached: [^\n]*ECONNREFUSED[^\n]*\n$/)
    expect(err).not.toContain('hush')
  }, 60_000)

  test.each([
    ['whose password is wrong', (url: string) => url.replace(/:[^:@]+@/, ':wrong@'), /^the database at .* refused: /],
    [
      'that has no such database',
      (url: string) => url.replace(/\/postgres$/, '/nowhere'),
      /^the database at .* refused: /,
    ],
    [
      'that speaks no TLS',
      (url: string) => `${url}?sslmode=require`,
      /could not be reached over TLS: The server does not/,
    ],
  ])(
    'is not waited for where waiting cures nothing: one %s',
    async (_what, change, message) => {
      const server = await startServer()
      const { end, err } = await runTaskfold({
        env: { DATABASE_URL: change(server.url), START_WAIT_MS: '60000', LOG_LEVEL: 'silent' },
      })
      expect(end).toBe(1)
      expect(err).toMatch(message)
      expect(err.trim()).not.toContain('\n')
    },
    50_000,
  )
})

test('variables of libpq that are meant for other programs leave the embedded database alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-libpq-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const taskfold = await startTaskfold({
    env: {
      TASKFOLD_DATA_DIR: `${folder}/data`,
      PGSSLMODE: 'verify-full',
      PGHOST: 'db.example',
      PGPORT: '1',
      PGUSER: 'ann',
      PGPASSWORD: 'hush',
      PGDATABASE: 'elsewhere',
      PGOPTIONS: '-c search_path=elsewhere',
      PGAPPNAME: 'another',
    },
  })
  const { id } = await submit(taskfold.url, { type: 'demo.echo', payload: 1 })
  await untilStatus(taskfold.url, id, 'SUCCESS')
  taskfold.signal('SIGTERM')
  expect(await taskfold.ended).toBe(0)
}, 90_000)

test('a misspelt variable is named in the log, and its value is not', async () => {
  const server = await startServer()
  const taskfold = await startTaskfold({ env: { DATABASE_URL: server.url, CONCURENCY: '4711' } })
  const line = await until('the warning', async () => taskfold.logs.find((text) => text.includes('CONCURENCY')))
  expect(JSON.parse(line)).toMatchObject({ name: 'CONCURENCY', meant: 'CONCURRENCY' })
  expect(taskfold.logs.join()).not.toContain('4711')
}, 60_000)
