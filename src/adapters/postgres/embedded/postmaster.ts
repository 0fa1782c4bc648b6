import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, readlink, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { processOptions } from './cluster.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import type { ServerPlace } from './server-place.ts'

/** Where a server listens: the folder of its socket, or the loopback address where the system has no such sockets. */
export interface ServerLocation {
  readonly host: string
  readonly port: number
}

export const loopback = '127.0.0.1'

/** A running server, as its file `postmaster.pid` names it. */
export interface Postmaster extends ServerLocation {
  readonly pid: number
}

/** How long a server may take to stop: by itself with a checkpoint, then without one. */
const fastStopDeadlineMs = 30_000
const quickStopDeadlineMs = 5_000
const pollMs = 20

/** The server that runs in this cluster, whichever process started it; undefined when there is none. */
export const findPostmaster = async (cluster: string): Promise<Postmaster | undefined> => {
  const named = await readPidFile(cluster)
  return named !== undefined && isAlive(named.pid) && (await worksIn(named.pid, cluster)) ? named : undefined
}

/**
 * Removes a `postmaster.pid` that names no living server of this cluster. Only for a start that failed because PostgreSQL,
 * which judges by the pid alone, took another process for its server: by that file PostgreSQL also finds the sessions that a
 * dead server has left.
 */
export const clearPidFile = async (cluster: string): Promise<void> => {
  if ((await findPostmaster(cluster)) === undefined) await rm(pidFile(cluster), { force: true })
}

const pidFile = (cluster: string): string => join(cluster, 'postmaster.pid')

const readPidFile = async (cluster: string): Promise<Postmaster | undefined> => {
  const lines = (await readFile(pidFile(cluster), 'utf8').catch(() => '')).split('\n')
  const [pid, port] = [Number(lines[0]), Number(lines[3])]
  const socketFolder = (lines[4] ?? '').trim()
  const host = socketFolder === '' ? loopback : socketFolder
  return Number.isSafeInteger(pid) && pid > 1 ? { pid, host, port } : undefined
}

/** Whether a process has that pid, of whatever account. A zombie, which has ended but was not reaped, does not count. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return !isZombie(pid)
}

/** An orphan stays a zombie where the first process of a container reaps no children. */
const isZombie = (pid: number): boolean => {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return status.slice(status.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return false
  }
}

/**
 * Whether the process is a server of this cluster. A restarted container usually gives the pid of the dead server to another
 * process. A server's working folder is its cluster; where the working folder cannot be read, the name of the program decides.
 */
const worksIn = async (pid: number, cluster: string): Promise<boolean> => {
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  if (folder !== undefined) return isSameFolder(folder, cluster)
  if (process.platform === 'win32') return true
  const { stdout } = await promisify(execFile)('ps', ['-p', `${pid}`, '-o', 'command=']).catch(() => ({ stdout: '' }))
  return stdout.includes('postgres')
}

const isSameFolder = async (folder: string, other: string): Promise<boolean> => {
  const [a, b] = await Promise.all([folder, other].map((path) => stat(path).catch(() => undefined)))
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

/**
 * Stops the server: it ends its sessions, writes a checkpoint and exits. After 30 s it is made to exit without the checkpoint,
 * which costs its next start a recovery and loses nothing. Resolves when it is gone, or 5 s later with an error in the log.
 */
export const stopPostmaster = async (
  { pid }: Postmaster,
  place: ServerPlace,
  binaries: PostgresBinaries,
  logger: Logger,
): Promise<void> => {
  await signalPostmaster(pid, 'SIGINT', place, binaries)
  if (await isGoneWithin(pid, fastStopDeadlineMs)) return
  logger.warn({ serverPid: pid }, 'the embedded PostgreSQL took too long to stop and was made to')
  await signalPostmaster(pid, 'SIGQUIT', place, binaries)
  if (await isGoneWithin(pid, quickStopDeadlineMs)) return
  logger.error({ serverPid: pid }, 'the embedded PostgreSQL could not be stopped')
}

const signalPostmaster = async (
  pid: number,
  signal: 'SIGINT' | 'SIGQUIT',
  place: ServerPlace,
  { pgCtl }: PostgresBinaries,
): Promise<void> => {
  if (process.platform === 'win32') {
    // Windows has no signals, and Node kills at once for any of them. pg_ctl speaks to the server through a pipe.
    const mode = signal === 'SIGINT' ? 'fast' : 'immediate'
    await promisify(execFile)(pgCtl, ['stop', '-D', place.cluster, '-m', mode, '-W'], processOptions(place)).catch(
      () => {},
    )
    return
  }
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

/** True as soon as the process is gone; false when it is still there after `deadlineMs`. */
const isGoneWithin = async (pid: number, deadlineMs: number): Promise<boolean> => {
  for (const endsAt = performance.now() + deadlineMs; performance.now() < endsAt;) {
    if (!isAlive(pid)) return true
    await sleep(pollMs)
  }
  return !isAlive(pid)
}
