import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasFaketime, startSteppablePostgres, type SteppablePostgres } from '../support/steppable-postgres.ts'
import { expectWholeHistory } from './support/audit.ts'
import { openDatabaseWatch } from './support/database-watch.ts'
import { quickLease } from './support/fleet.ts'
import { history, post, type ShownTask, submit, until, untilStatus } from './support/http.ts'
import { killAllProcesses, startTaskfold } from './support/process.ts'

const slow = { timeout: 120_000 }
const hourMs = 3_600_000

let server: SteppablePostgres

const start = (word: string, env: Readonly<Record<string, string>> = {}) =>
  startTaskfold({ words: [word], env: { DATABASE_URL: server.url, ...quickLease, ...env } })

const loseHints = async (): Promise<void> => {
  const watch = await openDatabaseWatch(server.url)
  await watch.query('truncate taskfold.queue_hints')
  await watch.close()
}

describe.runIf(hasFaketime())("a database's clock that goes back three hours", () => {
  beforeEach(async () => {
    server = await startSteppablePostgres()
  }, 60_000)
  afterEach(async () => {
    await killAllProcesses()
    await server.remove()
  })

  it('keeps neither the ready, nor the delayed, nor new tasks from running', slow, async () => {
    const api = await start('api')
    const ready = await submit(api.url, { type: 'demo.echo', payload: 1 })
    const delayed = await submit(api.url, { type: 'demo.echo', payload: 2, delayMs: 5_000 })
    const hurried = await submit(api.url, { type: 'demo.echo', payload: 3, delayMs: 20 * 60_000 })
    await server.stepClock(-3 * hourMs)
    await loseHints()
    await start('worker')
    const later = await submit(api.url, { type: 'demo.echo', payload: 4 })
    await untilStatus(api.url, later.id, 'SUCCESS', 10_000)
    const path = `/api/tasks/${hurried.id}/run-now`
    expect((await post<ShownTask>(api.url, path, {})).body.detail).toBe('ready')
    const again = await post<ShownTask>(api.url, path, {})
    expect(again.status).toBe(200)
    for (const { id } of [ready, delayed, hurried]) await untilStatus(api.url, id, 'SUCCESS', 40_000)
    const events = (await history(api.url, hurried.id)).map(({ type }) => type)
    expect(events).toEqual(['Submitted', 'Rescheduled', 'Started', 'Succeeded'])
    await expectWholeHistory(server.url)
  })

  it('leaves the work of the fleet to be done as before', slow, async () => {
    const api = await start('api')
    await start('worker')
    const watch = await openDatabaseWatch(server.url)
    const countTurns = async (): Promise<number> =>
      Number((await watch.query(`select beat from taskfold.exclusive_work where name = 'reconcile'`))[0]?.['beat'])
    await until('a pass', async () => ((await countTurns()) > 0 ? 'yes' : undefined))
    await server.stepClock(-3 * hourMs)
    const before = await countTurns()
    await until('more passes', async () => ((await countTurns()) > before + 6 ? 'yes' : undefined), 20_000)
    await watch.close()
    const task = await submit(api.url, { type: 'demo.echo', payload: 1 })
    await untilStatus(api.url, task.id, 'SUCCESS', 10_000)
  })
})
