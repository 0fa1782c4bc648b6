import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { expectWholeHistory } from './support/audit.ts'
import { quickLease } from './support/fleet.ts'
import { find, history, request, submit, until, untilStatus } from './support/http.ts'
import { keepSubmitting, pause } from './support/load.ts'
import { killAllProcesses, startTaskfold } from './support/process.ts'

let server: PostgresServer
beforeEach(async () => {
  server = await startPostgresServer()
}, 60_000)
afterEach(async () => {
  await killAllProcesses()
  await server.remove()
})

const start = (word: string, env: Readonly<Record<string, string>> = {}) =>
  startTaskfold({ words: [word], env: { DATABASE_URL: server.url, ...quickLease, ...env } })

describe('a database that crashes and comes back under load', () => {
  it('loses nothing that was acknowledged, and callers are told meanwhile', { timeout: 120_000 }, async () => {
    const [api] = await Promise.all([start('api'), start('worker')])
    const load = keepSubmitting(api.url)
    await until('some load', async () => (load.acknowledged.length > 50 ? 'yes' : undefined))
    await server.stop('immediate')
    await until('refusals', async () => (load.refusals.length > 5 ? 'yes' : undefined))
    expect((await request(api.url, '/livez')).status).toBe(200)
    await until('a readiness that turned', async () => {
      const { status } = await request(api.url, '/readyz')
      return status === 503 ? status : undefined
    })
    await server.start()
    const before = load.acknowledged.length
    await until('load after the return', async () => (load.acknowledged.length > before + 50 ? 'yes' : undefined))
    await load.stop()

    expect(new Set(load.refusals.map(({ status }) => status))).toEqual(new Set([503]))
    const slowest = Math.max(...load.refusals.map(({ tookMs }) => tookMs))
    process.stdout.write(`slowest refusal while the database was away: ${Math.round(slowest)} ms\n`)
    for (const id of load.acknowledged) expect((await find(api.url, id)).id).toBe(id)
    await until('the end of all', async () => {
      const audit = await expectWholeHistory(server.url)
      return audit.ended === audit.tasks ? audit : undefined
    })
  })
})

describe('an outage shorter than the lease', () => {
  it('costs no attempt', { timeout: 120_000 }, async () => {
    const longLease = { LEASE_MS: '12000', BEAT_MS: '500', SWEEP_MS: '500' }
    const [api] = await Promise.all([start('api', longLease), start('worker', longLease)])
    const task = await submit(api.url, { type: 'demo.sleep', payload: { ms: 6_000 } })
    await untilStatus(api.url, task.id, 'PROCESSING')
    await server.stop('immediate')
    await pause(2_000)
    await server.start()

    expect(await untilStatus(api.url, task.id, 'SUCCESS', 40_000)).toMatchObject({ attempt: 1 })
    expect((await history(api.url, task.id)).map(({ type }) => type)).toEqual(['Submitted', 'Started', 'Succeeded'])
  })
})

describe('an outage longer than the lease', () => {
  it(
    'makes the worker fence itself, and its runs are given up when the database answers',
    { timeout: 120_000 },
    async () => {
      const [api, worker] = await Promise.all([start('api'), start('worker')])
      const task = await submit(api.url, { type: 'demo.sleep', payload: { ms: 60_000 }, timeoutMs: 90_000 })
      await untilStatus(api.url, task.id, 'PROCESSING')
      await server.stop('immediate')
      await pause(6_000)
      await server.start()

      const events = await until('the second attempt', async () => {
        const found = await history(api.url, task.id)
        return found.length >= 5 ? found : undefined
      })
      expect(events.map(({ type }) => type)).toEqual(['Submitted', 'Started', 'Failed', 'Retried', 'Started'])
      expect(events[2]?.data).toMatchObject({ cause: 'worker-lost', run: 2 })
      expect(events[4]?.data['incarnation']).not.toBe(events[1]?.data['incarnation'])
      expect(worker.logs.some((line) => line.includes('fenced'))).toBe(true)
      await expectWholeHistory(server.url)
    },
  )
})
