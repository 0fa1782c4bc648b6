import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { builtInTypes } from '#adapters/handlers/built-in/built-in-types.ts'

/** A real process of the product, as an operator starts it. */
export interface TaskfoldProcess {
  readonly url: string
  readonly pid: number
  /** What it has logged so far, a line each, at most the last ten thousand. */
  readonly logs: readonly string[]
  signal(name: NodeJS.Signals): void
  /** Resolves with the exit code, or with the name of the signal that ended it. */
  readonly ended: Promise<number | string>
}

export interface ProcessRequest {
  /** The words of the command line; none for all roles. */
  readonly words?: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Another entry than the launcher, for a process with a fail point. */
  readonly entry?: string
  readonly cwd?: string
}

const project = join(import.meta.dirname, '../../..')
const launcher = join(project, 'src/bootstrap/launcher.mjs')
const startDeadlineMs = 60_000
const logLinesMax = 10_000
const started = new Set<ChildProcess>()

/** Kills whatever a test has left running. To be called after each. */
export const killAllProcesses = async (): Promise<void> => {
  const ends = [...started].filter((child) => !isOver(child)).map((child) => once(child, 'exit'))
  for (const child of started) child.kill('SIGKILL')
  await Promise.all(ends)
  started.clear()
}

/** Starts a process and resolves when it has said where it listens. Throws with its log when it ends before. */
export const startTaskfold = async ({ words = [], env, entry, cwd }: ProcessRequest): Promise<TaskfoldProcess> => {
  const child = spawn(process.execPath, [entry ?? launcher, ...words], {
    cwd: cwd ?? project,
    env: { PATH: process.env['PATH'], PORT: '0', LOG_LEVEL: 'info', BUILT_IN: builtInTypes.join(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.add(child)
  const ended = once(child, 'exit').then(([code, signal]: readonly unknown[]) => endOf(code, signal))
  const logs: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (logs.length === logLinesMax) logs.shift()
    logs.push(line)
  })
  const output = createInterface({ input: child.stdout })
  const deadline = AbortSignal.timeout(startDeadlineMs)
  const first = await Promise.race([
    once(output, 'line', { signal: deadline }).then(([line]) => String(line)),
    ended.then((end) => `ended with ${end}`),
  ])
  const url = /http:\/\/\S+/.exec(first)?.[0]
  if (url === undefined || child.pid === undefined) throw new Error([first, ...logs].join('\n'))
  return { url, pid: child.pid, logs, ended, signal: (name) => void child.kill(name) }
}

/** Runs a process that is meant to end by itself, such as one that cannot start. */
export const runTaskfold = async ({
  words = [],
  env,
  cwd,
}: ProcessRequest): Promise<{ readonly end: number | string; readonly out: string; readonly err: string }> => {
  const child = spawn(process.execPath, [launcher, ...words], {
    cwd: cwd ?? project,
    env: { PATH: process.env['PATH'], PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.add(child)
  const texts = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (texts.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (texts.err += chunk.toString()))
  const [code, signal]: readonly unknown[] = await once(child, 'close')
  return { end: endOf(code, signal), ...texts }
}

const endOf = (code: unknown, signal: unknown): number | string => (typeof code === 'number' ? code : String(signal))

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null
