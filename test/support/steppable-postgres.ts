import { globSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresServer, startPostgresServer } from './postgres-server.ts'

/** A PostgreSQL whose clock a test sets. The clocks of all other processes stay as they are. */
export interface SteppablePostgres extends PostgresServer {
  /** From now on the server's clock is so far ahead of the machine's; behind it when negative. In whole seconds. */
  stepClock(aheadMs: number): Promise<void>
}

const library = globSync('/usr/lib/*/faketime/libfaketime.so.1')[0]

/** Whether there is libfaketime, by which a process sees another clock than the machine's. */
export const hasFaketime = (): boolean => library !== undefined

/** Says once, for all suites that are passed over, what was missing; ends a run that must not pass any over. */
export const reportMissingFaketime = (): void => {
  if (hasFaketime()) return
  const message =
    'NO libfaketime (Debian: libfaketime). These suites did not run: test/scenarios/clock-steps.test.ts, and all others ' +
    'that set the clock of a database.'
  if (process.env['CI'] === 'true') throw new Error(message)
  process.stderr.write(`\n${message}\n\n`)
}

/**
 * What a process is started with so that its clock is ahead by what `file` holds. The monotonic clock is left alone: the
 * server's own timeouts go by it. Throws where there is no libfaketime.
 */
export const toFaketimeEnv = (file: string): Readonly<Record<string, string>> => {
  if (library === undefined) throw new Error('there is no libfaketime: install the package of that name')
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_RESET: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

/** Removes what the library leaves in memory when a process that it was loaded into is killed. */
export const removeFaketimeRemains = async (pid: number | undefined): Promise<void> => {
  const remains = [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]
  await Promise.all(remains.map((name) => rm(`/dev/shm/${name}`, { force: true })))
}

/** Tells the processes that were started with that file, in whole seconds. */
export const writeClockOffset = (file: string, aheadMs: number): Promise<void> =>
  writeFile(file, `${aheadMs < 0 ? '-' : '+'}${Math.abs(Math.round(aheadMs / 1_000))}\n`)

export const startSteppablePostgres = async (
  settings: Readonly<Record<string, string>> = {},
): Promise<SteppablePostgres> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-clock-'))
  const file = join(folder, 'offset')
  const stepClock = (aheadMs: number): Promise<void> => writeClockOffset(file, aheadMs)
  // The server may run as another user, who reads it.
  await stepClock(0)
  await chmod(folder, 0o755)
  await chmod(file, 0o644)
  const server = await startPostgresServer(settings, toFaketimeEnv(file))
  return {
    ...server,
    stepClock,
    remove: async () => {
      await server.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
