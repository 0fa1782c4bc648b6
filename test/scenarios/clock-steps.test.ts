import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mintedAt, parseTaskId } from '#domain/identifiers.ts'
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

describe.runIf(hasFaketime())("a database's clock that leaps ahead for some seconds", () => {
  beforeEach(async () => {
    server = await startSteppablePostgres()
  }, 60_000)
  afterEach(async () => {
    await killAllProcesses()
    await server.remove()
  })

  it('has no submission refused and no id minted ahead', slow, async () => {
    const api = await start('api')
    const refused: number[] = []
    const submitFor = async (ms: number): Promise<void> => {
      for (const endsAtMs = performance.now() + ms; performance.now() < endsAtMs;) {
        const { status } = await post<ShownTask>(api.url, '/api/tasks', { type: 'demo.echo', payload: 1 })
        if (status !== 202) refused.push(status)
      }
    }
    await submitFor(500)
    await server.stepClock(45 * 24 * hourMs)
    await submitFor(5_000)
    await server.stepClock(0)
    await submitFor(2_000)
    expect(refused).toEqual([])
    const watch = await openDatabaseWatch(server.url)
    const [ahead] = await watch.query(
      `select count(*)::int as count from taskfold.tasks
       where task_id > taskfold.lowest_task_id(clock_timestamp() + interval '11 s')`,
    )
    await watch.close()
    expect(ahead).toEqual({ count: 0 })
  })

  it('answers 503 and never 422 to submissions of a process that starts meanwhile or sees it last', slow, async () => {
    const api = await start('api')
    await server.stepClock(60 * 24 * hourMs)
    const statuses = new Set<number>()
    const taken = await until(
      'a submission at the new time',
      async () => {
        const { status, body } = await post<ShownTask>(api.url, '/api/tasks', { type: 'demo.echo', payload: 1 })
        statuses.add(status)
        return status === 202 && Date.parse(body.runAt) > Date.now() && isMintedAhead(body.id) ? body : undefined
      },
      75_000,
    )
    expect(statuses.isSubsetOf(new Set([202, 503]))).toBe(true)
    await start('worker')
    await untilStatus(api.url, taken.id, 'SUCCESS')
  })
})

const isMintedAhead = (id: string): boolean => mintedAt(parseTaskId(id)) > Date.now() + hourMs
