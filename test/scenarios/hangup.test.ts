import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { submit, until, untilStatus } from './support/http.ts'

const launcher = join(import.meta.dirname, '../../src/bootstrap/launcher.mjs')

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Starts a process on a terminal, which `script` makes and holds; `command` is what a person types before its name. */
const startOnTerminal = async (command: string) => {
  const data = join(await newFolder(), 'data')
  const env = { PATH: process.env['PATH'], TASKFOLD_DATA_DIR: data, PORT: '0', LOG_LEVEL: 'warn' }
  const typed = `echo $$ >&3; exec ${command} ${process.execPath} ${launcher} >&3`
  const terminal = spawn('script', ['-qefc', typed, '/dev/null'], { env, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] })
  const told = terminal.stdio[3]
  if (!(told instanceof Readable)) throw new Error('there is nothing to read from')
  const lines = createInterface({ input: told })[Symbol.asyncIterator]()
  const pid = Number((await lines.next()).value)
  onTestFinished(async () => {
    if (isThere(pid)) process.kill(pid, 'SIGTERM')
    await until('the end', async () => (isThere(pid) ? undefined : true))
  })
  let url: string | undefined
  // Under nohup the lines of standard error come this way as well.
  while (url === undefined) {
    const { done, value } = await lines.next()
    if (done === true) throw new Error('it ended before it said its address')
    url = /http:\/\/\S+/.exec(value)?.[0]
  }
  const closeTerminal = async (): Promise<void> => {
    terminal.kill('SIGKILL')
    await once(terminal, 'exit')
  }
  return { url, pid, closeTerminal, server: join(data, 'postgres/postmaster.pid') }
}

/** Starts a process and tells it to end as soon as it has logged a line. */
const endAtLine = async (words: readonly string[], settings: Readonly<Record<string, string>>, text: string) => {
  const env = { PATH: process.env['PATH'], PORT: '0', ...settings }
  const child = spawn(process.execPath, [launcher, ...words], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  for await (const line of createInterface({ input: child.stderr })) if (line.includes(text)) break
  child.kill('SIGINT')
  return ended
}

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-hangup-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  // The server may run under another account, which must find its way in.
  await chmod(folder, 0o755)
  return folder
}

test('a command that is told to end stops the database that it started', { timeout: 120_000 }, async () => {
  const data = join(await newFolder(), 'data')
  const ended = await endAtLine(['migrate'], { TASKFOLD_DATA_DIR: data }, 'started the embedded PostgreSQL')
  expect(ended).toEqual([130, null])
  await expect(access(join(data, 'postgres/postmaster.pid'))).rejects.toThrow('ENOENT')
})

describe('a process that is told to end while it starts', () => {
  test('leaves no database behind', { timeout: 120_000 }, async () => {
    const data = join(await newFolder(), 'data')
    expect(await endAtLine([], { TASKFOLD_DATA_DIR: data }, 'handlers loaded')).toEqual([0, null])
    await expect(access(join(data, 'postgres/postmaster.pid'))).rejects.toThrow('ENOENT')
  })

  test('waits no longer for a database that is not up yet', { timeout: 60_000 }, async () => {
    const settings = { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c', START_WAIT_MS: '600000' }
    expect(await endAtLine([], settings, 'waits for the database')).toEqual([0, null])
  })
})

describe.skipIf(process.platform !== 'linux')('a terminal that is closed', () => {
  test('drains its process and stops the database of it', { timeout: 120_000 }, async () => {
    const { url, pid, closeTerminal, server } = await startOnTerminal('')
    const { id } = await submit(url, { type: 'demo.sleep', payload: { ms: 1_000 } })
    await untilStatus(url, id, 'PROCESSING')
    await access(server)
    await closeTerminal()
    await until('the end', async () => (isThere(pid) ? undefined : true))
    await expect(access(server)).rejects.toThrow('ENOENT')
  })

  test('leaves a process under nohup alone', { timeout: 120_000 }, async () => {
    const { url, closeTerminal } = await startOnTerminal('nohup')
    await closeTerminal()
    const { id } = await submit(url, { type: 'demo.echo', payload: 1 })
    await untilStatus(url, id, 'SUCCESS')
  })
})
