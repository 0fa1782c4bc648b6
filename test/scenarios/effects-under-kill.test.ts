import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type CutProxy, startCutProxy } from '../faults/support/cut-proxy.ts'
import type { Conversation, Part } from '../faults/support/conversation.ts'
import { createPostgresConversation } from '../faults/support/postgres-conversation.ts'
import { expectWholeHistory } from './support/audit.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { post, request, submit, until, untilStatus } from './support/http.ts'

const module = join(import.meta.dirname, 'support/ledger-tasks.ts')
const lease = { LEASE_MS: '6000', BEAT_MS: '1000', SWEEP_MS: '500', RECONCILE_MS: '500' }

let fleet: Fleet
let database: pg.Client
let folder: string
let proxy: CutProxy | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskfold-ledger-'))
  fleet = await createFleet(lease)
  database = new pg.Client({ connectionString: fleet.database.url })
  await database.connect()
  // Without a key: a row that is written twice must show.
  await database.query('create table rows (task_id uuid)')
})
afterEach(async () => {
  await database.end()
  await fleet.close()
  await proxy?.close()
  proxy = undefined
  await rm(folder, { recursive: true, force: true })
})

const countRows = async (taskId: string): Promise<number> =>
  (await database.query('select from rows where task_id = $1', [taskId])).rowCount ?? 0

const listEffects = async (url: string, id: string): Promise<readonly unknown[]> =>
  (await request<{ readonly items: readonly unknown[] }>(url, `/api/tasks/${id}/effects`)).body.items

it('a worker killed between an effect and its record leaves a doubt, a question or nothing, as the mode promises', async () => {
  const file = join(folder, 'calls.txt')
  const readCalls = async () => (await readFile(file, 'utf8')).trim().split('\n')
  const api = await fleet.start(['api'])
  const doomed = await fleet.start(['worker'], { HANDLERS: module })
  const submitOf = async (type: string) => (await submit(api.url, { type, payload: { file }, maxAttempts: 3 })).id
  const [once, verify, tx] = [
    await submitOf('ledger.once'),
    await submitOf('ledger.verify'),
    await submitOf('ledger.tx'),
  ]
  await until('all three calls', async () => ((await readCalls()).length === 3 ? 'yes' : undefined))

  doomed.signal('SIGKILL')
  await doomed.ended
  await fleet.start(['worker'], { HANDLERS: module })

  // `verify` asks, and is believed: the second attempt did not call.
  expect((await untilStatus(api.url, verify, 'SUCCESS', 60_000)).result).toEqual({ attempt: 0 })
  expect((await untilStatus(api.url, tx, 'SUCCESS', 60_000)).result).toEqual({ attempt: 2 })
  expect(await countRows(tx)).toBe(1)
  expect(await listEffects(api.url, tx)).toMatchObject([{ mode: 'tx', state: 'completed', attempt: 2 }])

  expect(await untilStatus(api.url, once, 'FAILED', 60_000)).toMatchObject({ detail: 'effect-in-doubt', attempt: 2 })
  expect(await listEffects(api.url, once)).toMatchObject([{ mode: 'once', state: 'in-doubt', attempt: 1 }])
  const path = `/api/tasks/${once}/effects/call/settle`
  const settled = await post(api.url, path, { outcome: 'completed', result: { found: true }, reason: 'asked' })
  expect(settled).toMatchObject({ status: 200, body: { state: 'completed', settled: { reason: 'asked' } } })
  expect((await post(api.url, path, { outcome: 'not-done' })).status).toBe(409)
  expect((await post(api.url, `/api/tasks/${once}/retry`, {})).status).toBe(200)
  expect((await untilStatus(api.url, once, 'SUCCESS', 60_000)).result).toEqual({ found: true })

  const calls = (await readCalls()).map((call) => call.replace(/ .*/, '')).toSorted()
  expect(calls).toEqual(['once', 'tx', 'tx', 'verify'])
  await expectWholeHistory(fleet.database.url)
}, 180_000)

it('an effect in a transaction whose commit was not answered happened exactly once', async () => {
  const file = join(folder, 'calls.txt')
  const url = new URL(fleet.database.url)
  proxy = await startCutProxy(Number(url.port), watchCommits)
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  const api = await fleet.start(['api'])
  await fleet.start(['worker'], { HANDLERS: module, DATABASE_URL: url.href })
  for (const harm of ['answer-lost', 'request-lost'] as const) {
    const ambush = proxy.harmWrites(harm, 1)
    const { id } = await submit(api.url, { type: 'ledger.row', payload: { file } })
    expect((await untilStatus(api.url, id, 'SUCCESS', 60_000)).result).toEqual({ attempt: 1 })
    expect(ambush.met).toBe(1)
    ambush.end()
    expect(await countRows(id)).toBe(1)
    expect(await listEffects(api.url, id)).toMatchObject([{ mode: 'tx', state: 'completed', attempt: 1 }])
  }
  // Its work was called again only where nothing had been committed.
  expect(await readFile(file, 'utf8')).toBe('row 1\nrow 1\nrow 1\n')
  await expectWholeHistory(fleet.database.url)
}, 180_000)

/** A conversation in which the only writes are the commits of transactions: beats and appends are single statements. */
const watchCommits = (): Conversation => {
  const inner = createPostgresConversation()
  const asked: Part['kind'][] = []
  return {
    request: (bytes) =>
      inner.request(bytes).map((part): Part => {
        if (part.kind === 'other') return part
        const kind = /^Q[^]{4}commit\0$/.test(part.bytes.toString('latin1')) ? 'write' : 'other'
        asked.push(kind)
        return { bytes: part.bytes, kind }
      }),
    answer: (bytes) =>
      inner.answer(bytes).map((part): Part => {
        if (part.kind === 'other') return part
        return { bytes: part.bytes, kind: asked.shift() ?? 'other' }
      }),
    rest: () => inner.rest(),
  }
}
