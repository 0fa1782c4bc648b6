import { describe, expect, test } from 'vitest'
import { ask, cleanUpDataFolders, madeDataFolder, serverPidIn, startIn } from './support/data-folders.ts'
import { startEmbeddedProcess } from './support/embedded-process.ts'

cleanUpDataFolders()

const urlOf = (told: { readonly url?: string; readonly error?: string }): string => {
  if (told.url === undefined) throw new Error(`it did not start: ${told.error}`)
  return told.url
}

describe('a process that was killed', () => {
  test('leaves a server that the next start adopts, and stops in the end', async () => {
    const dataDir = await madeDataFolder()
    const killed = await startEmbeddedProcess(dataDir)
    await ask(urlOf(killed.told), 'create table kept as select 42 as answer')
    const serverPid = await serverPidIn(dataDir)
    killed.signal('SIGKILL', 'process')
    await killed.ended

    const server = await startIn(dataDir)
    const { url, adopted } = server

    expect(adopted).toBe(true)
    expect(await serverPidIn(dataDir)).toBe(serverPid)
    expect(await ask(url, 'select answer from kept')).toEqual([42])
    await server.stop()
    expect(await serverPidIn(dataDir)).toBeUndefined()
    await expect(ask(url, 'select 1')).rejects.toThrow(/ECONNREFUSED|ENOENT/)
  })

  test('together with its server costs a recovery and nothing else', async () => {
    const dataDir = await madeDataFolder()
    const killed = await startEmbeddedProcess(dataDir)
    await ask(urlOf(killed.told), 'create table kept as select 42 as answer')
    process.kill((await serverPidIn(dataDir)) ?? 0, 'SIGKILL')
    killed.signal('SIGKILL', 'process')
    await killed.ended

    const { url, adopted } = await startIn(dataDir)

    expect(adopted).toBe(false)
    expect(await ask(url, 'select answer from kept')).toEqual([42])
  })
})

describe('a second process', () => {
  test('is refused the data folder, and told whose it is', async () => {
    const dataDir = await madeDataFolder()
    const first = await startEmbeddedProcess(dataDir)
    const second = await startEmbeddedProcess(dataDir)

    expect(second.told.error).toBe(`the data folder ${dataDir} is already in use by process ${first.pid}`)
    expect(await ask(urlOf(first.told), 'select 1')).toEqual([1])
    first.signal('SIGTERM', 'process')
    await Promise.all([first.ended, second.ended])
    expect((await startIn(dataDir)).adopted).toBe(false)
  })

  test('that starts at the same time is refused, whichever that is', async () => {
    const dataDir = await madeDataFolder()
    const processes = await Promise.all([1, 2, 3].map(() => startEmbeddedProcess(dataDir)))

    expect(processes.filter(({ told }) => told.url !== undefined)).toHaveLength(1)
    expect(processes.filter(({ told }) => told.error?.includes('is already in use') === true)).toHaveLength(2)
    for (const other of processes) if (other.told.url !== undefined) other.signal('SIGTERM', 'process')
    await Promise.all(processes.map(({ ended }) => ended))
  })
})

describe("a terminal's Ctrl-C", () => {
  test('reaches the process and not its server', async () => {
    const dataDir = await madeDataFolder()
    const first = await startEmbeddedProcess(dataDir)
    first.signal('SIGINT', 'group')

    // Whatever had been sent to the server would have ended it before it could answer this.
    expect(await ask(urlOf(first.told), 'select pg_sleep(0.3)')).toEqual([''])
    first.signal('SIGTERM', 'process')
    await first.ended
  })
})
