import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A Redis of a test's own, which it may stop as it likes. It keeps nothing when it stops. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Sends a signal to the process: `SIGSTOP` and `SIGCONT` to hold it. */
  signal(name: NodeJS.Signals): void
  /** Ends it at once. Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  start(): Promise<void>
  /** Kills it and removes its folder. */
  remove(): Promise<void>
}

const program = 'redis-server'
const readyDeadlineMs = 20_000
const pollMs = 25

/**
 * Holds a server for as long as this process lives: when its input ends, whoever started it has ended or was killed, and it
 * removes the server's folder and ends it. The server's pid comes first.
 */
const guard = `
"$@" >/dev/null 2>&1 </dev/null &
server=$!
echo $server
(read -r _; rm -rf "$0"; kill -KILL $server) <&3 &
wait $server
kill $! 2>/dev/null`

/** Whether there is a server to start at all. */
export const hasRedisServer = (): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Starts a server in a folder of its own. `settings` are arguments such as `--cluster-enabled yes`. */
export const startRedisServer = async (settings: readonly string[] = []): Promise<RedisServer> => {
  const port = await findPort()
  const base = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no']
  return startProgram(port, (folder) => [...base, '--dir', folder, ...settings])
}

/** Starts a Sentinel that watches the master on `masterPort`. `quorum` of them must agree that it is down. */
export const startSentinel = async (masterName: string, masterPort: number, quorum = 1): Promise<RedisServer> => {
  const port = await findPort()
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${masterName} 500`,
    `sentinel failover-timeout ${masterName} 3000`,
  ]
  return startProgram(port, async (folder) => {
    const file = join(folder, 'sentinel.conf')
    await writeFile(file, `${settings.join('\n')}\ndir ${folder}\n`)
    return [file, '--sentinel']
  })
}

const startProgram = async (
  port: number,
  toArguments: (folder: string) => readonly string[] | Promise<readonly string[]>,
): Promise<RedisServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-redis-'))
  const args = await toArguments(folder)
  let running: { readonly guard: ChildProcess; readonly pid: number } | undefined

  const start = async (): Promise<void> => {
    const child = spawn('/bin/sh', ['-c', guard, folder, program, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    })
    const [line]: readonly unknown[] = child.stdout === null ? [] : await once(child.stdout, 'data')
    const pid = Number(String(line))
    running = { guard: child, pid }
    for (const endsAt = performance.now() + readyDeadlineMs; performance.now() < endsAt; await sleep(pollMs)) {
      if (await answers(port)) return
    }
    throw new Error(`no Redis answered on port ${port} within ${readyDeadlineMs} ms`)
  }
  const kill = async (): Promise<void> => {
    if (running === undefined) return
    const { guard: child, pid } = running
    running = undefined
    const ended = once(child, 'exit')
    process.kill(pid, 'SIGKILL')
    await ended
  }
  const remove = async (): Promise<void> => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await remove()
    throw error
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    signal: (name) => {
      if (running !== undefined) process.kill(running.pid, name)
    },
    remove,
  }
}

/** Whether a server on that port answers to PING, if only by asking for a password. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', (data) => end(/^(\+PONG|-NOAUTH)/.test(data.toString())))
    socket.once('error', () => end(false))
    socket.setTimeout(1_000, () => end(false))
  })

/** Below the ports of outgoing connections, and so that the Cluster's own port (10,000 higher) exists as well. */
const findPort = async (): Promise<number> => {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = 10_000 + (randomBytes(2).readUInt16BE() % 10_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
  throw new Error('no port is free')
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(false)
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
