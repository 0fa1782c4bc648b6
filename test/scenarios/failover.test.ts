import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type PostgresServer, standbySettings, startPostgresServer } from '../support/postgres-server.ts'
import { expectWholeHistory } from './support/audit.ts'
import { quickLease } from './support/fleet.ts'
import { find, history, request, submit, submitMany, until, untilStatus } from './support/http.ts'
import { killAllProcesses, startTaskfold } from './support/process.ts'

const slow = { timeout: 180_000 }

let server: PostgresServer
beforeEach(async () => {
  server = await startPostgresServer(standbySettings)
}, 60_000)
afterEach(async () => {
  await killAllProcesses()
  await server.remove()
})

const start = (word: string, env: Readonly<Record<string, string>> = {}) =>
  startTaskfold({ words: [word], env: { DATABASE_URL: server.url, ...quickLease, ...env } })

interface Page {
  readonly items: readonly { readonly cursor?: string }[]
  readonly next: string
}

describe('a standby that is promoted without the last commits', () => {
  it('keeps no task of a queue that it does not know from running', slow, async () => {
    const api = await start('api')
    await submit(api.url, { type: 'demo.echo', payload: 0 })
    await server.keepCopy()
    await until('the database', () => submit(api.url, { type: 'demo.echo', queue: 'old', payload: 0 }))
    // Named in the lost window, and known to this process by its number.
    await submit(api.url, { type: 'demo.echo', queue: 'lost', payload: 1 })
    await server.promoteCopy()
    const task = await until('the database', () => submit(api.url, { type: 'demo.echo', queue: 'lost', payload: 2 }))
    expect((await request(api.url, '/api/tasks')).status).toBe(200)
    await start('worker')
    await untilStatus(api.url, task.id, 'SUCCESS')
    await expectWholeHistory(server.url)
  })

  it('refuses a cursor of before for ever', slow, async () => {
    const api = await start('api')
    await submit(api.url, { type: 'demo.echo', payload: 0 })
    await server.keepCopy()
    await until('the database', () => submit(api.url, { type: 'demo.echo', payload: 1 }))
    await submitMany(api.url, 60, (index) => ({ type: 'demo.echo', payload: index }))
    const { next } = await until('the feed', async () => {
      const { body } = await request<Page>(api.url, '/api/events?limit=1000')
      return body.items.length > 60 ? body : undefined
    })
    await server.promoteCopy()
    await until('the database', () => submit(api.url, { type: 'demo.echo', payload: 2 }))
    const ask = () => request(api.url, `/api/events?after=${encodeURIComponent(next)}`)
    const refused = await ask()
    expect(refused.status).toBeGreaterThanOrEqual(400)
    await submitMany(api.url, 200, (index) => ({ type: 'demo.echo', payload: index }))
    expect((await ask()).status).toBe(refused.status)
  })

  it('lets no outcome of a lost run be recorded over another run', slow, async () => {
    const api = await start('api')
    const task = await submit(api.url, { type: 'demo.sleep', payload: { ms: 6_000 }, maxAttempts: 50 })
    await server.keepCopy()
    const first = await start('worker')
    await untilStatus(api.url, task.id, 'PROCESSING')
    await server.promoteCopy()
    expect((await until('the database', () => find(api.url, task.id))).version).toBe(1)
    await start('worker')
    const done = await untilStatus(api.url, task.id, 'SUCCESS', 90_000)
    const events = await history(api.url, task.id)
    expect(events.filter(({ type }) => type === 'Succeeded')).toHaveLength(1)
    const runStarted = events.find(({ version }) => version === Number(events.at(-1)?.data['run']))
    const tookMs = Date.parse(events.at(-1)?.recordedAt ?? '') - Date.parse(runStarted?.recordedAt ?? '')
    // The run that is recorded slept for itself.
    expect(tookMs).toBeGreaterThanOrEqual(5_900)
    expect(done.status).toBe('SUCCESS')
    await until('a new incarnation', async () =>
      first.logs.some((line) => line.includes('begins anew')) ? 'yes' : undefined,
    )
    await expectWholeHistory(server.url)
  })
})
