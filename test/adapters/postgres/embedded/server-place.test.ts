import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findServerAccount } from '#adapters/postgres/embedded/server-account.ts'
import { openServerPlace } from '#adapters/postgres/embedded/server-place.ts'
import { silentLogger } from '../../../support/silent-logger.ts'

const isRoot = process.getuid?.() === 0

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskfold-place-'))
  await chmod(folder, 0o755)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

describe('a data folder', () => {
  test('is made, with the folders above it', async () => {
    const place = await openServerPlace(join(folder, 'a/b'), silentLogger)

    expect(place.folder).toBe(join(folder, 'a/b'))
    expect(await modeOf(place.folder)).toBe(0o755)
  })

  test('keeps its mode when it was there', async () => {
    await mkdir(join(folder, 'mine'), { mode: 0o711 })

    await openServerPlace(join(folder, 'mine'), silentLogger)

    expect(await modeOf(join(folder, 'mine'))).toBe(0o711)
  })

  test.each([
    ['a file', 'file', 'it is no folder'],
    ['below a file', 'file/data', 'a part of the path is no folder'],
  ])('cannot be %s', async (_where, path, why) => {
    await writeFile(join(folder, 'file'), '')
    const dataDir = join(folder, path)

    await expect(openServerPlace(dataDir, silentLogger)).rejects.toMatchObject({
      name: 'StartupError',
      message: `the data folder ${dataDir} cannot be written: ${why}`,
    })
  })

  test.runIf(process.platform === 'linux')('cannot be where no folder can be made', async () => {
    await expect(openServerPlace('/proc/taskfold', silentLogger)).rejects.toMatchObject({ name: 'StartupError' })
  })

  test.skipIf(isRoot)('cannot be where we may not write', async () => {
    await mkdir(join(folder, 'closed'), { mode: 0o555 })
    const dataDir = join(folder, 'closed/data')

    await expect(openServerPlace(dataDir, silentLogger)).rejects.toThrow(
      `the data folder ${dataDir} cannot be written: permission denied`,
    )
  })
})

describe('a data folder in which others have a hand', () => {
  const refusal = (why: string) => ({ name: 'StartupError', message: expect.stringContaining(why) })

  test.each([0o777, 0o775])('is refused when they may write in it: %o', async (mode) => {
    const dataDir = join(folder, 'open')
    await mkdir(dataDir)
    await chmod(dataDir, mode)

    await expect(openServerPlace(dataDir, silentLogger)).rejects.toMatchObject(refusal('others may write in it'))
  })

  test('is refused when everybody may put another one in its place, even by a link', async () => {
    const open = join(folder, 'open')
    await mkdir(join(open, 'data'), { recursive: true })
    await chmod(open, 0o777)
    await symlink(join(open, 'data'), join(folder, 'link'))

    const where = refusal(`everybody may write in ${open}`)
    await expect(openServerPlace(join(open, 'data'), silentLogger)).rejects.toMatchObject(where)
    await expect(openServerPlace(join(folder, 'link'), silentLogger)).rejects.toMatchObject(where)
    await chmod(open, 0o1777)
    expect((await openServerPlace(join(open, 'data'), silentLogger)).folder).toBe(join(open, 'data'))
  })

  test.runIf(isRoot)('is refused when another user owns it', async () => {
    await mkdir(join(folder, 'theirs'))
    await chown(join(folder, 'theirs'), 4_711, 4_711)

    await expect(openServerPlace(join(folder, 'theirs'), silentLogger)).rejects.toMatchObject(
      refusal('it belongs to another user (4711)'),
    )
  })
})

describe.runIf(isRoot)("root's data folder", () => {
  test('is worked in by another account', async () => {
    const { account } = await openServerPlace(join(folder, 'data'), silentLogger)

    expect(['postgres', 'nobody']).toContain(account?.name)
  })

  test('that holds data is worked in by their owner', async () => {
    const owner = { uid: 4_711, gid: 4_711 }
    await mkdir(join(folder, 'data/postgres'), { recursive: true })
    await chown(join(folder, 'data/postgres'), owner.uid, owner.gid)

    expect((await openServerPlace(join(folder, 'data'), silentLogger)).account).toMatchObject(owner)
  })

  describe('behind a folder that this account may not enter', () => {
    const lines: unknown[] = []
    const logger = { ...silentLogger, warn: (fields: unknown) => void lines.push(fields) }
    const elsewhere = (): string => join(folder, 'elsewhere')
    const closed = (): string => join(folder, 'home')
    const data = (): string => join(closed(), 'checkout/.taskfold')
    beforeEach(async () => {
      lines.length = 0
      await mkdir(closed(), { mode: 0o700 })
    })

    test('is moved to one named after it, which the log says; the closed one stays closed', async () => {
      const place = await openServerPlace(data(), logger, elsewhere())

      expect(place.folder).toMatch(/\/elsewhere\/[0-9a-f]{16}$/)
      expect(place.folder).toBe((await openServerPlace(data(), logger, elsewhere())).folder)
      expect(place.folder).not.toBe((await openServerPlace(`${data()}2`, logger, elsewhere())).folder)
      expect(lines[0]).toEqual({ asked: data(), folder: place.folder, account: place.account?.name })
      expect(await modeOf(closed())).toBe(0o700)
    })

    test('stays where it was moved to after that folder was opened', async () => {
      const { cluster } = await openServerPlace(data(), logger, elsewhere())
      await mkdir(cluster)
      await chmod(closed(), 0o755)

      expect((await openServerPlace(data(), logger, elsewhere())).cluster).toBe(cluster)
    })

    test('is not left behind for an empty one when there are data in it', async () => {
      await mkdir(join(data(), 'postgres'), { recursive: true })

      await expect(openServerPlace(data(), logger, elsewhere())).rejects.toMatchObject({ name: 'StartupError' })
    })
  })
})

describe('the account of a server', () => {
  test.skipIf(isRoot)('is that of the process', async () => {
    expect(await findServerAccount()).toBeUndefined()
  })

  test.runIf(isRoot)('is never root, not even for data that belong to root', async () => {
    expect((await findServerAccount(folder))?.uid).toBeGreaterThan(0)
  })
})
