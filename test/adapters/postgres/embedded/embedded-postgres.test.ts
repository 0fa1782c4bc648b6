import { appendFile, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startEmbeddedPostgres } from '#adapters/postgres/embedded/embedded-postgres.ts'
import { StartupError } from '#application/diagnosis/startup-error.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { ask, cleanUpDataFolders, newDataFolder, serverPidIn, startIn } from './support/data-folders.ts'

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

  test('listens on the loopback address alone, and on no socket file', async () => {
    const { url } = await startIn(await newDataFolder())

    expect(new URL(url).hostname).toBe('127.0.0.1')
    expect(await ask(url, 'show listen_addresses')).toEqual(['127.0.0.1'])
    expect(await ask(url, 'show unix_socket_directories')).toEqual([''])
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
    const dataDir = await newDataFolder()
    const first = await startIn(dataDir)
    await ask(first.url, 'create table kept as select 42 as answer')
    await first.stop()
    await first.stop()
    expect(await serverPidIn(dataDir)).toBeUndefined()

    const { url, adopted } = await startIn(dataDir)

    expect(adopted).toBe(false)
    expect(await ask(url, 'select answer from kept')).toEqual([42])
  })

  test('makes the database when the first start ended before it', async () => {
    const dataDir = await newDataFolder()
    const first = await startIn(dataDir)
    const other = new URL(first.url)
    other.pathname = '/postgres'
    await ask(other.href, 'drop database taskfold')
    await first.stop()

    expect(await ask((await startIn(dataDir)).url, 'select current_database()')).toEqual(['taskfold'])
  })

  test('empties a log that has grown past its limit, and no other', async () => {
    const dataDir = await newDataFolder()
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
    const dataDir = await newDataFolder()
    await (await startIn(dataDir)).stop()
    await appendFile(join(dataDir, 'postgres/postgresql.conf'), `\nfsync = off\nlisten_addresses = '*'\n`)

    const { url } = await startIn(dataDir)

    expect(await ask(url, 'show fsync')).toEqual(['on'])
    expect(await ask(url, 'show listen_addresses')).toEqual(['127.0.0.1'])
  })
})

describe('a start that cannot be', () => {
  const failureIn = async (dataDir: string): Promise<unknown> => startIn(dataDir).catch((error: unknown) => error)
  const oneLine = (text: RegExp) => ({ name: 'StartupError', message: expect.stringMatching(text) })

  test('says that data of another major version cannot be read', async () => {
    const dataDir = await newDataFolder()
    await (await startIn(dataDir)).stop()
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '9\n')

    expect(await failureIn(dataDir)).toMatchObject(
      oneLine(/^the data were made by PostgreSQL 9, and only that version/),
    )
  })

  test('says that the password is gone', async () => {
    const dataDir = await newDataFolder()
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
    const dataDir = await newDataFolder()
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
    const dataDir = await newDataFolder()
    await (await startIn(dataDir)).stop()
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '9\n')
    await failureIn(dataDir)
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '18\n')

    const outcome = await failureIn(dataDir)

    expect(outcome).not.toMatchObject({ message: expect.stringContaining('in use') })
  })
})
