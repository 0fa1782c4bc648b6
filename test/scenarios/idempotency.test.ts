import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import { createFleet, type Fleet, quickLease } from './support/fleet.ts'
import { request, type ShownTask, untilStatus } from './support/http.ts'
import { startTaskfold } from './support/process.ts'

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

const submit = (url: string, key: string, body: unknown) =>
  request<ShownTask & { readonly code?: string }>(url, '/api/tasks', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  })

const submitBatch = (url: string, tasks: readonly unknown[], query = '') =>
  request<{ readonly results: readonly { readonly status: number; readonly task: ShownTask }[] }>(
    url,
    `/api/tasks/batch${query}`,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tasks }) },
  )

describe('twenty equal requests at once over two API processes', () => {
  it('make one task, which runs once', { timeout: 60_000 }, async () => {
    fleet = await createFleet()
    const [one, other] = await Promise.all([fleet.start(['api']), fleet.start(['api'])])
    for (const key of ['first', 'second', 'third']) {
      const body = { type: 'demo.echo', payload: key }
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => submit((index % 2 === 0 ? one : other).url, key, body)),
      )
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 202))
      expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1)
      const refused = await submit(other.url, key, { ...body, priority: 1 })
      expect([refused.status, refused.body.code]).toEqual([422, 'idempotency-key-reused'])
    }
    await fleet.start(['worker'])
    const { body: task } = await submit(one.url, 'first', { type: 'demo.echo', payload: 'first' })
    await untilStatus(one.url, task.id, 'SUCCESS')
    expect((await submit(other.url, 'first', { type: 'demo.echo', payload: 'first' })).body.status).toBe('SUCCESS')
    expect((await expectWholeHistory(fleet.database.url)).tasks).toBe(3)
  })

  it('make one task for each key when they are batches', { timeout: 60_000 }, async () => {
    fleet = await createFleet()
    const [one, other] = await Promise.all([fleet.start(['api']), fleet.start(['api'])])
    const tasks = Array.from({ length: 50 }, (_, index) => ({
      type: 'demo.echo',
      payload: index,
      idempotencyKey: `key-${index}`,
    }))
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        submitBatch(
          (index % 2 === 0 ? one : other).url,
          index % 3 === 0 ? tasks.toReversed() : tasks,
          index % 5 === 0 ? '?atomic=true' : '',
        ),
      ),
    )
    const ids = answers.flatMap(({ body }) => body.results.map(({ status, task }) => `${status} ${task.id}`))
    expect(ids).toHaveLength(1_000)
    expect(new Set(ids).size).toBe(50)
    expect((await expectWholeHistory(fleet.database.url)).tasks).toBe(50)
  })
})

describe('an API killed between commit and answer', () => {
  it('and the repeated request make no second task', { timeout: 60_000 }, async () => {
    fleet = await createFleet()
    const api = await fleet.start(['api'])
    const doomed = await startTaskfold({
      entry: join(import.meta.dirname, 'support/api-killed-before-answer.ts'),
      env: { DATABASE_URL: fleet.database.url, ...quickLease },
    })
    const body = { type: 'demo.echo', payload: { order: 7 } }
    await expect(submit(doomed.url, 'order-7', body)).rejects.toThrow()
    expect(await doomed.ended).toBe('SIGKILL')
    expect((await expectWholeHistory(fleet.database.url)).tasks).toBe(1)

    const repeated = await submit(api.url, 'order-7', body)
    const { body: listed } = await request<{ readonly items: readonly ShownTask[] }>(api.url, '/api/tasks')
    expect(repeated.status).toBe(202)
    expect(listed.items.map(({ id }) => id)).toEqual([repeated.body.id])
    await fleet.start(['worker'])
    await untilStatus(api.url, repeated.body.id, 'SUCCESS')
    expect(await expectWholeHistory(fleet.database.url)).toMatchObject({ tasks: 1, succeeded: 1, events: 3 })
  })
})
