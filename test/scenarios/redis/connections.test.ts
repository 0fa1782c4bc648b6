import { afterEach, describe, expect, it } from 'vitest'
import { openConsole } from '../../adapters/redis/support/clients.ts'
import { hasRedisServer, type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { type DatabaseWatch, openDatabaseWatch } from '../support/database-watch.ts'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { submitMany, until } from '../support/http.ts'

let server: RedisServer
let fleet: Fleet
let watch: DatabaseWatch
afterEach(async () => {
  await watch?.close()
  await fleet?.close()
  await server?.remove()
})

const taskCount = 500

/** The most there ever are of each name, while tasks of several queues go through. */
const watchConnections = async (redis: { readonly port: number }) => {
  const ask = openConsole(redis)
  const most = new Map<string, number>()
  const note = (name: string, count: number): void => void most.set(name, Math.max(count, most.get(name) ?? 0))
  return {
    most,
    look: async (): Promise<void> => {
      for (const [name, count] of Object.entries(await watch.countConnections())) note(name, count)
      const lines = String(await ask.client('LIST')).split('\n')
      for (const [name, found] of Map.groupBy(lines, (line) => / name=(taskfold:\w+) /.exec(line)?.[1] ?? 'others'))
        note(name, found.length)
    },
  }
}

describe.runIf(hasRedisServer())('the connections of a process', () => {
  it('are as few as the document on deployment says', { timeout: 120_000 }, async () => {
    server = await startRedisServer()
    fleet = await createFleet({ REDIS_URL: server.url })
    const api = await fleet.start(['api'])
    watch = await openDatabaseWatch(fleet.database.url)
    const { most: ofApi, look } = await watchConnections(server)
    const submission = (index: number) => ({ type: 'demo.echo', payload: null, queue: `queue-${index % 7}` })
    let state: 'submitting' | 'submitted' = 'submitting'
    const submitted = submitMany(api.url, taskCount, submission).finally(() => {
      state = 'submitted'
    })
    await until('all submissions', async () => {
      await look()
      return state === 'submitted' ? 'yes' : undefined
    })
    await submitted
    expect(ofApi.get('taskfold query')).toBeLessThanOrEqual(10)
    expect(ofApi.get('taskfold listen')).toBe(1)
    expect(ofApi.get('taskfold heartbeat')).toBeUndefined()
    expect(ofApi.get('taskfold:commands')).toBe(1)
    expect(ofApi.get('taskfold:signals')).toBe(1)
    expect(ofApi.get('taskfold:waits')).toBeUndefined()

    await fleet.start(['worker'])
    const { most: ofBoth, look: lookAgain } = await watchConnections(server)
    await until('the end of all, and a beat', async () => {
      await lookAgain()
      return (await watch.countEnded()) === taskCount && ofBoth.has('taskfold heartbeat') ? 'yes' : undefined
    })
    expect(ofBoth.get('taskfold query')).toBeLessThanOrEqual(20)
    expect(ofBoth.get('taskfold listen')).toBe(2)
    expect(ofBoth.get('taskfold heartbeat')).toBe(1)
    expect(ofBoth.get('taskfold:commands')).toBe(2)
    expect(ofBoth.get('taskfold:signals')).toBe(2)
    expect(ofBoth.get('taskfold:waits')).toBeLessThanOrEqual(1)
    process.stdout.write(`an API: ${JSON.stringify([...ofApi])}\nwith a worker: ${JSON.stringify([...ofBoth])}\n`)
  })
})
