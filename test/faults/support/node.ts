import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFixedPort } from '../../support/postgres-server.ts'
import { removeFaketimeRemains, toFaketimeEnv, writeClockOffset } from '../../support/steppable-postgres.ts'
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
  /** Lets the process end in order, and starts another. */
  replace(): Promise<void>
  /** The clock of this process alone is ahead by so much for `ms`; behind when negative. */
  leap(aheadMs: number, ms: number): Promise<void>
  isReady(): Promise<boolean>
  /** Lets it end in order. Resolves with its exit code. */
  stop(): Promise<number | string>
  /** Removes what it kept outside of its process. */
  remove(): Promise<void>
}

const logLinesShown = 12
const startsMax = 30
const startPauseMs = 300
/** The file of the offset is read once a second, not with each look at the clock. */
const clockReading = { FAKETIME_NO_CACHE: '0', FAKETIME_CACHE_DURATION: '1' }

export const startNode = async (
  name: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<FleetNode> => {
  const port = await findFixedPort()
  const folder = await mkdtemp(join(tmpdir(), `taskfold-${name}-`))
  const clockFile = join(folder, 'clock')
  await writeClockOffset(clockFile, 0)
  const clock = { ...toFaketimeEnv(clockFile), ...clockReading }
  const breakdowns: string[] = []
  let wanted: 'running' | 'ended' = 'running'
  let present: TaskfoldProcess

  const start = async (): Promise<void> => {
    const begun = await startTaskfold({ words, env: { ...env, ...clock, PORT: `${port}`, LOG_LEVEL: 'warn' } })
    present = begun
    wanted = 'running'
    void begun.ended.then(async (end) => {
      if (wanted === 'ended') return
      breakdowns.push([`${name} ended with ${end}`, ...begun.logs.slice(-logLinesShown)].join('\n  '))
      await startAgain()
    })
  }

  /** As any supervisor would. A start may end when the database is away, but must say so in a line, not by a stack. */
  const startAgain = async (): Promise<void> => {
    for (let starts = 0; starts < startsMax; starts += 1) {
      try {
        return await start()
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        if (/^\s+at /m.test(why)) breakdowns.push(`${name} did not start: ${why}`)
      }
      await sleep(startPauseMs)
    }
    breakdowns.push(`${name} did not start in ${startsMax} times`)
  }

  const end = (signal: NodeJS.Signals): Promise<number | string> => {
    wanted = 'ended'
    present.signal(signal)
    return present.ended
  }

  await start()
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    breakdowns,
    kill: async (awayMs) => {
      const { pid } = present
      await end('SIGKILL')
      await removeFaketimeRemains(pid)
      await sleep(awayMs)
      await startAgain()
    },
    pause: async (ms) => {
      present.signal('SIGSTOP')
      await sleep(ms)
      present.signal('SIGCONT')
    },
    replace: async () => {
      await end('SIGTERM')
      await startAgain()
    },
    leap: async (aheadMs, ms) => {
      await writeClockOffset(clockFile, aheadMs)
      await sleep(ms)
      await writeClockOffset(clockFile, 0)
    },
    isReady: async () => (await probeReadiness(`http://127.0.0.1:${port}`).catch(() => undefined)) === 'ready',
    stop: () => end('SIGTERM'),
    remove: async () => {
      await removeFaketimeRemains(present.pid)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
