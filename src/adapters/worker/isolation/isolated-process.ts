import { type ChildProcess, fork } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { type HandlerEnding, toThrown } from '../run/handler-ending.ts'
import { IsolatedLife, leaveMsMax } from './isolated-life.ts'
import type { IsolatedRequest } from './isolation.ts'

/** A child process that runs attempts, one at a time. */
export interface IsolatedProcess {
  /** Only while it `isFree`. */
  run(request: IsolatedRequest): Promise<HandlerEnding>
  /** It runs nothing, and another attempt may begin in it. */
  isFree(): boolean
  /** Resolves when nothing of the process is left. */
  readonly gone: Promise<void>
  /** Lets a free process end by itself. */
  dismiss(): void
  kill(): void
}

interface Deps {
  readonly entry: URL
  readonly settings: unknown
  readonly timers: Timers
  readonly logger: Logger
  readonly leaseMs: number
  readonly execArgv?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

const lineLengthMax = 4_096

/** Attempts of one process. Whatever they leave behind in it goes with it. */
const runsMax = 100

export const startIsolatedProcess = (deps: Deps): IsolatedProcess => {
  const gone = Promise.withResolvers<void>()
  const child = forkEntry(deps)
  if (child instanceof Error) {
    gone.resolve()
    const ending = toThrown(child)
    return { run: async () => ending, isFree: () => true, gone: gone.promise, dismiss: () => {}, kill: () => {} }
  }
  let life: IsolatedLife | undefined
  let runs = 0
  let state: 'usable' | 'used-up' = 'usable'
  child.on('message', (message) => life?.onMessage(message))
  child.on('error', (error) => life?.fail(error))
  child.on('exit', (code, signal) => {
    state = 'used-up'
    const settled = life?.onExit(describeDeath(code, signal)) ?? Promise.resolve()
    void settled.then(() => {
      child.stdout?.destroy()
      child.stderr?.destroy()
      gone.resolve()
    })
  })
  // The process never came to exist, so no exit follows.
  if (child.pid === undefined) child.once('error', () => gone.resolve())
  for (const output of ['stdout', 'stderr'] as const) passLines(child[output], (line) => life?.logLine(output, line))
  const kill = (): void => void child.kill('SIGKILL')
  const dismiss = (): void => {
    state = 'used-up'
    if (child.connected) child.disconnect()
    void gone.promise.then(deps.timers.after(leaveMsMax, kill))
  }

  return {
    run: (request) => {
      const ending = Promise.withResolvers<HandlerEnding>()
      runs += 1
      life = new IsolatedLife(deps, { request, child, order: runs }, (ended, next) => {
        if (next === 'stays') life = undefined
        else state = 'used-up'
        if (next === 'stays' && runs >= runsMax) dismiss()
        ending.resolve(ended)
      })
      return ending.promise
    },
    isFree: () => life === undefined && state === 'usable',
    gone: gone.promise,
    dismiss,
    kill,
  }
}

const forkEntry = ({ entry, execArgv, environment }: Deps): ChildProcess | Error => {
  try {
    // It is told whose it is: when it looks for the first time its parent may be gone, and another process its parent.
    return fork(entry, [String(process.pid)], {
      serialization: 'advanced',
      // A terminal sends Ctrl-C to a whole group of processes, but the parent alone decides when this run ends.
      detached: true,
      ...(environment !== undefined && { env: { ...environment } }),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [...(execArgv ?? process.execArgv.filter((argument) => !argument.startsWith('--inspect')))],
    })
  } catch (error) {
    return error instanceof Error ? error : new Error('a process could not be started', { cause: error })
  }
}

const describeDeath = (code: number | null, signal: NodeJS.Signals | null): string =>
  signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`

/** Calls `onLine` for each line of a stream; a longer one comes in pieces, so that little of it is ever kept. */
const passLines = (stream: Readable | null, onLine: (line: string) => void): void => {
  let rest = ''
  const pass = (line: string): void => {
    for (let first = 0; first < line.length; first += lineLengthMax) onLine(line.slice(first, first + lineLengthMax))
  }
  stream?.setEncoding('utf8')
  stream?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) pass(line)
    if (rest.length < lineLengthMax) return
    pass(rest)
    rest = ''
  })
  stream?.on('end', () => pass(rest))
  stream?.on('error', () => {})
}
