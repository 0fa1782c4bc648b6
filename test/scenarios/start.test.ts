import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/test-database.ts'
import { history, request, submit, untilStatus } from './support/http.ts'
import { killAllProcesses, runTaskfold, startTaskfold } from './support/process.ts'

const folders: string[] = []
const newDataFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-start-'))
  await chmod(folder, 0o755)
  folders.push(folder)
  return join(folder, 'data')
}

afterEach(async () => {
  await killAllProcesses()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

describe('a start with nothing but a folder', () => {
  it('runs a task, and remembers it in the next run', { timeout: 120_000 }, async () => {
    const env = { TASKFOLD_DATA_DIR: await newDataFolder() }
    const first = await startTaskfold({ env })
    const task = await submit(first.url, { type: 'demo.echo', payload: { hello: 'world' } })
    expect(await untilStatus(first.url, task.id, 'SUCCESS')).toMatchObject({ result: { hello: 'world' } })
    first.signal('SIGINT')
    expect(await first.ended).toBe(0)

    const second = await startTaskfold({ env })
    const events = await history(second.url, task.id)
    expect(events.map(({ type }) => type)).toEqual(['Submitted', 'Started', 'Succeeded'])
    second.signal('SIGTERM')
    expect(await second.ended).toBe(0)
  })

  it(
    'goes on after its process was killed, with the database that was left running',
    { timeout: 120_000 },
    async () => {
      const env = { TASKFOLD_DATA_DIR: await newDataFolder(), LEASE_MS: '3000', BEAT_MS: '500', SWEEP_MS: '500' }
      const first = await startTaskfold({ env })
      const task = await submit(first.url, { type: 'demo.sleep', payload: { ms: 1_000 } })
      await untilStatus(first.url, task.id, 'PROCESSING')
      first.signal('SIGKILL')
      await first.ended

      const second = await startTaskfold({ env })
      expect(await untilStatus(second.url, task.id, 'SUCCESS')).toMatchObject({ attempt: 2 })
      second.signal('SIGTERM')
      expect(await second.ended).toBe(0)
    },
  )
})

describe('a start that cannot be', () => {
  const oneLine = /^[^\n]+\n$/

  it('names every mistake in its settings, and exits with 2', async () => {
    const { end, out, err } = await runTaskfold({ words: ['worker'], env: { PORT: 'x', LEASE_MS: '1' } })
    expect({ end, out }).toEqual({ end: 2, out: '' })
    const named = err
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0])
    expect(new Set(named)).toEqual(new Set(['DATABASE_URL', 'LEASE_MS', 'PORT']))
  })

  it('says in one line that the word is unknown, and exits with 2', async () => {
    const { end, err } = await runTaskfold({ words: ['wroker', 'abc'], env: {} })
    expect(err).toContain('there is no command wroker')
    expect(end).toBe(2)
    expect(err).toMatch(/wroker|too many arguments/)
  })

  it('says in one line that the database refuses, and exits with 1', { timeout: 60_000 }, async () => {
    const { end, out, err } = await runTaskfold({
      words: ['api'],
      env: { DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none', LOG_LEVEL: 'silent' },
    })
    expect({ end, out }).toEqual({ end: 1, out: '' })
    expect(err).toMatch(oneLine)
    expect(err).toContain('127.0.0.1:1')
    expect(err).not.toContain('hunter2')
  })

  it('says in one line that its port is in use, and exits with 1', { timeout: 60_000 }, async () => {
    const holder = createServer()
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => {
        const address = holder.address()
        resolve(address !== null && typeof address === 'object' ? address.port : 0)
      })
    })
    const { end, err } = await runTaskfold({
      env: { PORT: String(port), TASKFOLD_DATA_DIR: await newDataFolder(), LOG_LEVEL: 'silent' },
    })
    holder.close()
    expect(end).toBe(1)
    expect(err).toMatch(oneLine)
    expect(err).toContain(String(port))
  })

  it('says in one line that its folder cannot be written, and exits with 1', { timeout: 60_000 }, async () => {
    const { end, err } = await runTaskfold({ env: { TASKFOLD_DATA_DIR: '/proc/taskfold', LOG_LEVEL: 'silent' } })
    expect(end).toBe(1)
    expect(err).toMatch(oneLine)
    expect(err).toContain('/proc/taskfold')
  })
})

describe('a start of everything', () => {
  it('is alive and ready by the time it says its address', { timeout: 120_000 }, async () => {
    const all = await startTaskfold({ env: { TASKFOLD_DATA_DIR: await newDataFolder() } })
    expect((await request(all.url, '/livez')).status).toBe(200)
    expect((await request(all.url, '/readyz')).body).toMatchObject({ status: 'ready' })
    expect((await request<{ roles: unknown }>(all.url, '/api/info')).body.roles).toEqual([
      'api',
      'worker',
      'maintenance',
    ])
  })
})

describe('a start where there is nothing to migrate', () => {
  const seldom = ['ajv', 'ioredis', 'nodemailer', 'pino-pretty', 'undici']

  it('loads no package that most processes never need, but when it is needed', { timeout: 60_000 }, async () => {
    const database = await createTestDatabase()
    try {
      const env = { DATABASE_URL: database.url }
      expect(await runTaskfold({ words: ['migrate'], env })).toMatchObject({ end: 0 })
      const entry = join(import.meta.dirname, 'support/name-loaded.ts')
      const taskfold = await startTaskfold({ env, entry })
      const loaded = (): readonly string[] =>
        seldom.filter((name) => taskfold.logs.some((line) => line.includes(`/node_modules/${name}/`)))
      const echo = await submit(taskfold.url, { type: 'demo.echo', payload: null })
      await untilStatus(taskfold.url, echo.id, 'SUCCESS')
      expect(loaded()).toEqual([])

      const forbidden = { url: 'http://127.0.0.1:1/', method: 'GET' }
      const push = await submit(taskfold.url, { type: 'http.request', payload: forbidden })
      await untilStatus(taskfold.url, push.id, 'FAILED')
      expect(loaded()).toEqual(['undici'])
    } finally {
      await killAllProcesses()
      await database.close()
    }
  })
})
