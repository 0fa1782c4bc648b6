import { appendFile, mkdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startEmbeddedPostgres } from '#adapters/postgres/embedded/embedded-postgres.ts'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { ask, cleanUpDataFolders, madeDataFolder, newDataFolder, serverPidIn, startIn } from './support/data-folders.ts'

cleanUpDataFolders()

describe('a first start', () => {
  test('makes a database of ours, in UTF-8 and in the C locale, that writes safely', async () => {
    const { url, version, adopted } = await startIn(await newDataFolder())

    expect(adopted).toBe(false)
    expect(Number.parseInt(version, 10)).toBeGreaterThanOrEqual(15)
    expect(await ask(url, 'select current_database()')).toEqual(['taskfold'])
    expect(await ask(url, 'show server_encoding')).toEqual(['UTF8'])
    expect(await ask(url, `select datcollate from pg_database where datname = 'taskfold'`)).toEqual(['C'])
    expect(await ask(url, 'show fsync')).toEqual(['on'])
    expect(await ask(url, 'show data_checksums')).toEqual(['on'])
  })

  test('listens on a socket in a folder that is closed to others, and on no port, which anybody could take from it', async () => {
    const dataDir = await newDataFolder()
    const { url, address } = await startIn(dataDir)

    expect(address.host).toBe(join(dataDir, 'socket'))
    expect((await stat(address.host)).mode & 0o777).toBe(0o700)
    expect(await ask(url, 'show listen_addresses')).toEqual([''])
  })

  test('listens on a socket elsewhere when the path of the data folder is too long for one', async () => {
    const dataDir = join(await newDataFolder(), 'x'.repeat(100))
    const server = await startIn(dataDir)

    expect(await ask(server.url, 'select 1')).toEqual([1])
    expect((await stat(server.address.host)).mode & 0o777).toBe(0o700)
    await server.stop()
    await expect(stat(server.address.host)).rejects.toThrow('ENOENT')
  })

  test('gives the product a role that may do nothing but work in its database', async () => {
    const { url } = await startIn(await newDataFolder())

    expect(await ask(url, 'select current_user')).toEqual(['taskfold'])
    await expect(ask(url, `copy (select 1) to program 'true'`)).rejects.toThrow('permission denied')
    await expect(ask(url, 'create database other')).rejects.toThrow('permission denied')
    await expect(ask(url, 'create role other')).rejects.toThrow('permission denied')
    await expect(ask(url, `select pg_read_file('PG_VERSION')`)).rejects.toThrow('permission denied')
    expect(
      await ask(url, `select true from pg_roles where rolname = current_user and (rolsuper or rolbypassrls)`),
    ).toEqual([])
  })

  test('lets in by SCRAM alone, so that no password is told to whoever asks for it', async () => {
    const dataDir = await newDataFolder()
    const { url } = await startIn(dataDir)
    const rules = (await readFile(join(dataDir, 'postgres/pg_hba.conf'), 'utf8'))
      .split('\n')
      .filter((line) => /^(local|host)/.test(line))

    expect(rules.length).toBeGreaterThan(0)
    for (const rule of rules) expect(rule).toMatch(/scram-sha-256$/)
    expect(await ask(url, 'show password_encryption')).toEqual(['scram-sha-256'])
  })

  test('lets nobody in without the password, which only its owner can read', async () => {
    const dataDir = await newDataFolder()
    const { url } = await startIn(dataDir)
    const wrong = new URL(url)
    wrong.password = 'guessed'

    await expect(ask(wrong.href, 'select 1')).rejects.toThrow('password authentication failed')
    expect((await stat(join(dataDir, 'postgres-password'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700)
  })

  test('goes on where an earlier first start was cut off', async () => {
    const dataDir = await newDataFolder()
    await mkdir(join(dataDir, 'postgres.unfinished/base'), { recursive: true })
    await writeFile(join(dataDir, 'postgres-password'), '')

    const { url } = await startIn(dataDir)

    expect(await ask(url, 'select 1')).toEqual([1])
  })
})

describe('a restart', () => {
  test('keeps the data', async () => {
    const dataDir = await madeDataFolder()
    const first = await startIn(dataDir)
    await ask(first.url, 'create table kept as select 42 as answer')
    await first.stop()
    await first.stop()
    expect(await serverPidIn(dataDir)).toBeUndefined()

    const { url, adopted } = await startIn(dataDir)

    expect(adopted).toBe(false)
    expect(await ask(url, 'select answer from kept')).toEqual([42])
  })

  test('has other passwords than the last one, whose own open nothing any more', async () => {
    const dataDir = await madeDataFolder()
    const first = await startIn(dataDir)
    const kept = await readFile(join(dataDir, 'postgres-password'), 'utf8')
    await first.stop()
    const second = await startIn(dataDir)

    expect(await readFile(join(dataDir, 'postgres-password'), 'utf8')).not.toBe(kept)
    expect(second.url).not.toBe(first.url)
    await expect(ask(first.url, 'select 1')).rejects.toThrow('password authentication failed')
  })

  test('knows both passwords after a process that ended while it replaced one', async () => {
    const dataDir = await madeDataFolder()
    const password = join(dataDir, 'postgres-password')
    await (await startIn(dataDir)).stop()
    await writeFile(`${password}.next`, 'the server was not told\n')
    await (await startIn(dataDir)).stop()
    await rename(password, `${password}.next`)
    await writeFile(password, 'the server was told another\n')

    expect(await ask((await startIn(dataDir)).url, 'select 1')).toEqual([1])
  })

  test('makes the database when the first start ended before it', async () => {
    const dataDir = await madeDataFolder()
    const first = await startIn(dataDir)
    const other = new URL(first.url)
    other.pathname = '/postgres'
    await ask(other.href, 'drop database taskfold')
    await first.stop()

    expect(await ask((await startIn(dataDir)).url, 'select current_database()')).toEqual(['taskfold'])
  })

  test('empties a log that has grown past its limit, and no other', async () => {
    const dataDir = await madeDataFolder()
    const log = join(dataDir, 'postgres.log')
    await (await startIn(dataDir)).stop()
    await appendFile(log, 'a line of old\n')
    await (await startIn(dataDir)).stop()
    expect(await readFile(log, 'utf8')).toContain('a line of old')

    await truncate(log, 10 * 1024 * 1024 + 1)
    await startIn(dataDir)

    expect((await stat(log)).size).toBeLessThan(10_000)
  })

  test('works on settings of ours, whatever the configuration file says', async () => {
    const dataDir = await madeDataFolder()
    await (await startIn(dataDir)).stop()
    await appendFile(join(dataDir, 'postgres/postgresql.conf'), `\nfsync = off\nlisten_addresses = '*'\n`)

    const { url } = await startIn(dataDir)

    expect(await ask(url, 'show fsync')).toEqual(['on'])
    expect(await ask(url, 'show listen_addresses')).toEqual([''])
  })
})

describe('a link in the data folder', () => {
  test.each(['postgres.log', 'owner', 'lock', 'postgres-password'])('is not followed: %s', async (file) => {
    const dataDir = await madeDataFolder()
    await (await startIn(dataDir)).stop()
    const treasure = `${dataDir}.treasure`
    await writeFile(treasure, 'do not touch')
    await rm(join(dataDir, file))
    await symlink(treasure, join(dataDir, file))

    await expect(startIn(dataDir)).rejects.toMatchObject({ name: 'StartupError' })
    expect(await readFile(treasure, 'utf8')).toBe('do not touch')
    expect(await serverPidIn(dataDir)).toBeUndefined()
  })
})

describe('a start that cannot be', () => {
  const failureIn = async (dataDir: string): Promise<unknown> => startIn(dataDir).catch((error: unknown) => error)
  const oneLine = (text: RegExp) => ({ name: 'StartupError', message: expect.stringMatching(text) })

  test('says that data of another major version cannot be read', async () => {
    const dataDir = await madeDataFolder()
    await (await startIn(dataDir)).stop()
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '9\n')

    expect(await failureIn(dataDir)).toMatchObject(
      oneLine(/^the data were made by PostgreSQL 9, and only that version/),
    )
  })

  test('says that the server has another password', async () => {
    const dataDir = await madeDataFolder()
    await (await startIn(dataDir)).stop()
    await writeFile(join(dataDir, 'postgres-password'), 'of another server\n')

    expect(await failureIn(dataDir)).toMatchObject(oneLine(/refused us: password authentication failed/))
    expect(await serverPidIn(dataDir)).toBeUndefined()
  })

  test('says that the password is gone', async () => {
    const dataDir = await madeDataFolder()
    await (await startIn(dataDir)).stop()
    await rm(join(dataDir, 'postgres-password'))

    expect(await failureIn(dataDir)).toMatchObject(oneLine(/cannot be opened without its password/))
  })

  test('says that a folder of other things is none of its own', async () => {
    const dataDir = await newDataFolder()
    await mkdir(join(dataDir, 'postgres'), { recursive: true })

    expect(await failureIn(dataDir)).toMatchObject(oneLine(/holds no PostgreSQL data/))
  })

  test('says why the server ended', async () => {
    const dataDir = await madeDataFolder()
    await (await startIn(dataDir)).stop()
    await appendFile(join(dataDir, 'postgres/postgresql.conf'), '\nno_such_setting = 1\n')

    expect(await failureIn(dataDir)).toMatchObject(oneLine(/did not start: .*configuration file .*contains errors/))
  })

  test('says that there is no PostgreSQL, and what to do', async () => {
    async function* none(): AsyncGenerator<string> {}
    const start = startEmbeddedPostgres({ dataDir: await newDataFolder(), logger: silentLogger, programs: none() })

    await expect(start).rejects.toThrow(
      new StartupError('no PostgreSQL 15 or later to run here (none was found): install one, or set DATABASE_URL'),
    )
  })

  test('leaves the folder free for the next one', async () => {
    const dataDir = await madeDataFolder()
    await (await startIn(dataDir)).stop()
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '9\n')
    await failureIn(dataDir)
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '18\n')

    const outcome = await failureIn(dataDir)

    expect(outcome).not.toMatchObject({ message: expect.stringContaining('in use') })
  })
})
