import { setTimeout as sleep } from 'node:timers/promises'
import { findFixedPort } from '../../support/postgres-server.ts'
import { probeReadiness } from '../../scenarios/support/readiness.ts'
import { startTaskfold, type TaskfoldProcess } from '../../scenarios/support/process.ts'

/** One place of the fleet: a process of the product, and what puts another in its place when it was killed. */
export interface FleetNode {
  readonly name: string
  readonly url: string
  /** Processes that ended though nothing ended them, with the last of what they logged. */
  readonly breakdowns: readonly string[]
  /** Kills the process, and starts another in its place after `awayMs`. */
  kill(awayMs: number): Promise<void>
  /** Stops the process for `ms`, and lets it go on. */
  pause(ms: number): Promise<void>
  isReady(): Promise<boolean>
  /** Lets it end in order. Resolves with its exit code. */
  stop(): Promise<number | string>
}

const logLinesShown = 12

export const startNode = async (
  name: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<FleetNode> => {
  const port = await findFixedPort()
  const breakdowns: string[] = []
  let wanted: 'running' | 'ended' = 'running'
  let present: TaskfoldProcess

  const start = async (): Promise<void> => {
    const begun = await startTaskfold({ words, env: { ...env, PORT: `${port}`, LOG_LEVEL: 'warn' } })
    present = begun
    wanted = 'running'
    void begun.ended.then(async (end) => {
      if (wanted === 'ended') return
      breakdowns.push([`${name} ended with ${end}`, ...begun.logs.slice(-logLinesShown)].join('\n  '))
      // As any supervisor would: the breakdown is counted, and the rest of the campaign goes on.
      await start().catch((error: unknown) => breakdowns.push(`${name} could not be started again: ${String(error)}`))
    })
  }

  await start()
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    breakdowns,
    kill: async (awayMs) => {
      wanted = 'ended'
      present.signal('SIGKILL')
      await present.ended
      await sleep(awayMs)
      await start()
    },
    pause: async (ms) => {
      present.signal('SIGSTOP')
      await sleep(ms)
      present.signal('SIGCONT')
    },
    isReady: async () => (await probeReadiness(`http://127.0.0.1:${port}`).catch(() => undefined)) === 'ready',
    stop: () => {
      wanted = 'ended'
      present.signal('SIGTERM')
      return present.ended
    },
  }
}
