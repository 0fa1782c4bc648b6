import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { hasPgBouncer, type Pooler, startPgBouncer } from '../support/pgbouncer.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'
import { expectWholeHistory } from './support/audit.ts'
import { openDatabaseWatch } from './support/database-watch.ts'
import { quickLease } from './support/fleet.ts'
import { history, post, submit, submitMany, until, untilStatus } from './support/http.ts'
import { killAllProcesses, startTaskfold, type TaskfoldProcess } from './support/process.ts'

const taskCount = Number(process.env['SCENARIO_TASKS'] ?? 1_000)

const says = ({ logs }: TaskfoldProcess, text: string): boolean => logs.some((line) => line.includes(text))

const runs = hasPgBouncer()

describe.runIf(runs).each(['with DATABASE_DIRECT_URL', 'without DATABASE_DIRECT_URL'])(
  'behind PgBouncer in transaction mode, %s',
  (way) => {
    let pooler: Pooler
    let database: TestDatabase
    beforeAll(async () => {
      pooler = await startPgBouncer(inject('postgresUrl'))
    })
    afterAll(() => pooler.remove())
    afterEach(async () => {
      await killAllProcesses()
      await database.close()
    })

    const start = (word: string): Promise<TaskfoldProcess> =>
      startTaskfold({
        words: [word],
        env: {
          ...quickLease,
          DATABASE_URL: pooler.toPooledUrl(database.url),
          ...(way.startsWith('with ') && { DATABASE_DIRECT_URL: database.url }),
        },
      })

    it(
      'processes that start together migrate, run every task once, and leave no session changed',
      {
        timeout: 180_000,
      },
      async () => {
        database = await createTestDatabase()
        const [api, ...workers] = await Promise.all([start('api'), start('worker'), start('worker')])
        await submitMany(api.url, taskCount, () => ({ type: 'demo.echo', payload: null }))
        const watch = await openDatabaseWatch(database.url)
        await until(
          'the end of all',
          async () => ((await watch.countEnded()) === taskCount ? 'yes' : undefined),
          120_000,
        )
        const locks = await watch.query(
          `select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
        )
        await watch.close()

        expect(locks).toEqual([])
        const whole = { tasks: taskCount, ended: taskCount, succeeded: taskCount, events: 3 * taskCount }
        expect(await expectWholeHistory(database.url)).toEqual(whole)
        for (const each of [api, ...workers]) expect(says(each, 'found a pooler before the database')).toBe(true)
      },
    )

    it('a cancel arrives, and a killed worker is noticed', { timeout: 180_000 }, async () => {
      database = await createTestDatabase()
      const api = await start('api')
      const victim = await start('worker')
      const [cancelled, lost] = await submitMany(api.url, 2, () => ({ type: 'demo.sleep', payload: { ms: 5_000 } }))
      for (const task of [cancelled, lost]) await untilStatus(api.url, task?.id ?? '', 'PROCESSING')
      await post(api.url, `/api/tasks/${cancelled?.id}/cancel`, {})
      await untilStatus(api.url, cancelled?.id ?? '', 'CANCELLED')
      victim.signal('SIGKILL')
      await victim.ended
      const worker = await start('worker')
      await untilStatus(api.url, lost?.id ?? '', 'SUCCESS', 40_000)
      expect((await history(api.url, lost?.id ?? '')).map(({ type }) => type)).toEqual([
        'Submitted',
        'Started',
        'Failed',
        'Retried',
        'Started',
        'Succeeded',
      ])
      await submit(api.url, { type: 'demo.echo', payload: null })
      const heard = way.startsWith('with ') ? 'began to hear notifications' : 'heard no notifications'
      await until(heard, async () => (says(worker, heard) ? 'yes' : undefined))
      await expectWholeHistory(database.url)
    })
  },
)
