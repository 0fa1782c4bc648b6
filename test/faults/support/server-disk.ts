import { execFile } from 'node:child_process'
import { readFile, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The disk of one server of a campaign, which can be full. */
export interface ServerDisk {
  readonly kind: 'file system of its own' | 'limit of file sizes'
  /** Nothing more can be written than what fits where files are already. */
  fill(): Promise<void>
  free(): Promise<void>
  /** To be called when no process uses it any more. */
  remove(): Promise<void>
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

const execute = promisify(execFile)
/** The log that is kept for a follower, the checkpoints' share, and ten times what a campaign of ten minutes stores. */
const diskSize = '1g'

/**
 * Mounts a file system in memory at the empty folder of a server, and fills it with one file. Where mounting is not permitted
 * (it takes root), a limit on the size of files does it: every write beyond the first 8 KiB of a file fails, with EFBIG
 * instead of ENOSPC, which PostgreSQL treats alike. `findPids` answers the processes of the server at present.
 */
export const openDisk = async (
  folder: string,
  owner: Owner | undefined,
  findPids: () => Promise<readonly number[]>,
): Promise<ServerDisk> => {
  const ownership = owner === undefined ? '' : `,uid=${owner.uid},gid=${owner.gid}`
  const options = `size=${diskSize},mode=0700${ownership}`
  const isMounted = await isDone(execute('mount', ['-t', 'tmpfs', '-o', options, 'taskfold-campaign', folder]))
  return isMounted ? openMounted(folder) : openLimited(owner, findPids)
}

const spareBlocksMax = 10_000

const isDone = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  )

const openMounted = (folder: string): ServerDisk => {
  const ballast = join(folder, 'ballast')
  return {
    kind: 'file system of its own',
    fill: async () => {
      // The server may take some of it meanwhile; what is left free it takes soon.
      for (let spareBlocks = 0; spareBlocks < spareBlocksMax; spareBlocks = spareBlocks * 2 + 1) {
        const { bavail, bsize } = await statfs(folder)
        const bytes = Math.max(1, bavail - spareBlocks) * bsize
        if (await isDone(execute('fallocate', ['--length', String(bytes), ballast]))) return
      }
    },
    free: () => rm(ballast, { force: true }),
    remove: async () => void (await execute('umount', ['--lazy', folder])),
  }
}

const limitBytes = 8_192

const openLimited = (owner: Owner | undefined, findPids: () => Promise<readonly number[]>): ServerDisk => {
  // A process may limit those of its own account; root in a container may not limit others.
  const account = { cwd: '/', ...(owner !== undefined && { uid: owner.uid, gid: owner.gid }) }
  const limit = async (soft: string): Promise<void> => {
    // Processes come and go meanwhile; those to come inherit the limit of the first, which is in the list.
    for (const pid of await findPids())
      await isDone(execute('prlimit', ['--pid', String(pid), `--fsize=${soft}:`], account))
  }
  return {
    kind: 'limit of file sizes',
    fill: () => limit(String(limitBytes)),
    free: () => limit('unlimited'),
    remove: () => Promise.resolve(),
  }
}

/** A process and those that it started, the first one first. */
export const findFamily = async (pid: number): Promise<readonly number[]> => {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return [
    pid,
    ...children
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  ]
}
