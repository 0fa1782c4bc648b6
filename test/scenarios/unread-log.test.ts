import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../support/test-database.ts'
import { request, submitMany, until, untilStatus } from './support/http.ts'

const launcher = join(import.meta.dirname, '../../src/bootstrap/launcher.mjs')

/** A process with so many lines in its log that no pipe holds them. */
const begin = async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.close())
  return {
    PATH: process.env['PATH'],
    DATABASE_URL: database.url,
    PORT: '0',
    LOG_LEVEL: 'debug',
    BUILT_IN: 'demo.echo',
  }
}

const endAfter = (child: ChildProcess): void => {
  onTestFinished(() => void child.kill('SIGKILL'))
}

/** More lines than a pipe and Node's own buffers hold: three a task. */
const work = async (url: string): Promise<void> => {
  const tasks = await submitMany(url, 3_000, () => ({ type: 'demo.echo', payload: 1 }))
  for (const { id } of tasks.slice(-10)) await untilStatus(url, id, 'SUCCESS')
}

test('a process whose log nobody reads works on, and ends when it is told to', { timeout: 120_000 }, async () => {
  const child = spawn(process.execPath, [launcher], { env: await begin(), stdio: ['ignore', 'pipe', 'pipe'] })
  endAfter(child)
  const ended = once(child, 'exit')
  const [first] = await once(createInterface({ input: child.stdout }), 'line')
  const url = /http:\/\/\S+/.exec(String(first))?.[0] ?? ''
  await work(url)
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})

test.skipIf(process.platform !== 'linux')(
  'a process on a terminal that stands still works on, and ends when it is told to',
  { timeout: 120_000 },
  async () => {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const env = { ...(await begin()), PORT: `${port}` }
    // `script` gives it a terminal, and stands still itself when nobody reads what it passes on.
    const command = `echo $$ >&3; exec ${process.execPath} ${launcher}`
    const child = spawn('script', ['-qefc', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'ignore', 'pipe'] })
    endAfter(child)
    const told = child.stdio[3]
    if (told === null || told === undefined || !('setEncoding' in told)) throw new Error('there is no pipe')
    const [pid] = await once(createInterface({ input: told }), 'line')
    onTestFinished(() => {
      try {
        process.kill(Number(pid), 'SIGKILL')
      } catch {
        // It has ended, as it should.
      }
    })
    const url = `http://127.0.0.1:${port}`
    await until('an answer', async () => ((await request(url, '/readyz')).status === 200 ? true : undefined))
    await work(url)
    process.kill(Number(pid), 'SIGTERM')
    await until('its end', async () =>
      (await request(url, '/livez').catch(() => undefined)) === undefined ? true : undefined,
    )
  },
)
