import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A command that goes on until it is stopped. */
export interface RunningCommand {
  /** What the line that was waited for says. */
  readonly url: string
  readonly said: () => string
}

/** The product as a newcomer has it: a folder with the sources, in which commands are typed. */
export interface Checkout extends AsyncDisposable {
  readonly folder: string
  /** Runs a command of a shell to its end, and resolves with its standard output. Throws unless it ends well. */
  run(command: string): Promise<string>
  /** Starts a command and resolves once it has said an address. Disposing of the checkout stops it. */
  start(command: string, env?: Readonly<Record<string, string>>): Promise<RunningCommand>
}

const project = join(import.meta.dirname, '../../..')
const copied = ['.npmrc', 'package.json', 'src', 'migrations', 'examples']
const commandMsMax = 60_000
const stopMsMax = 20_000
const saidLinesMax = 1_000

/** Copies what a clone would hold; the packages are those of this one. */
export const createCheckout = async (): Promise<Checkout> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-checkout-'))
  // The embedded database may run as another account.
  await chmod(folder, 0o755)
  for (const item of copied) await cp(join(project, item), join(folder, item), { recursive: true })
  for (const made of ['report/output', 'nightly-clean-up/uploads']) {
    await rm(join(folder, 'examples', made), { recursive: true, force: true })
  }
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
  const running: ChildProcess[] = []
  return {
    folder,
    run: (command) => runCommand(command, folder),
    start: (command, env = {}) => startCommand(command, folder, env, running),
    [Symbol.asyncDispose]: async () => {
      for (const child of running.toReversed()) await stopGroup(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const environment = { PATH: process.env['PATH'], HOME: process.env['HOME'] }

const runCommand = async (command: string, cwd: string): Promise<string> => {
  const child = spawn('sh', ['-c', command], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: commandMsMax,
  })
  const texts = { out: '', err: '' }
  child.stdout.on('data', (bytes: Buffer) => (texts.out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (texts.err += bytes.toString()))
  const [code, signal]: readonly unknown[] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ended with ${String(code ?? signal)}: ${texts.err}`)
  return texts.out
}

/** In a process group of its own, as a terminal would have it, so that what the command starts can be stopped with it. */
const startCommand = async (
  command: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
  running: ChildProcess[],
): Promise<RunningCommand> => {
  const child = spawn('sh', ['-c', command], {
    cwd,
    env: { ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.push(child)
  const lines: string[] = []
  const address = Promise.withResolvers<string>()
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      if (lines.length === saidLinesMax) lines.shift()
      lines.push(line)
      const [url] = output === child.stdout ? (/\w+:\/\/[\w.:]+/.exec(line) ?? []) : []
      if (url !== undefined) address.resolve(url)
    })
  }
  child.once('exit', () => address.reject(new Error([`${command} ended`, ...lines].join('\n'))))
  const timer = setTimeout(
    () => address.reject(new Error([`${command} named no address`, ...lines].join('\n'))),
    commandMsMax,
  )
  try {
    return { url: await address.promise, said: () => lines.join('\n') }
  } finally {
    clearTimeout(timer)
  }
}

const stopGroup = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'close')
  process.kill(-child.pid, 'SIGTERM')
  const timer = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), stopMsMax)
  await exited
  clearTimeout(timer)
}

/** A port that no process listens on now. */
export const findFreePort = async (): Promise<number> => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}
