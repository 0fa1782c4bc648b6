import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import type { Fleet } from './support/fleet.ts'
import { find, history, request, submit, submitMany, until, untilStatus } from './support/http.ts'
import { createFleetWith, queueKinds } from './support/queue-kinds.ts'

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

interface ShownWorker {
  readonly id: string
  readonly queues: readonly string[]
}
interface Explanation {
  readonly because: readonly { readonly code: string }[]
}

describe.each(queueKinds)('workers that serve some queues only, with the queue in %s', (kind) => {
  it('run what is theirs, and a queue that nobody serves waits and disturbs nobody', { timeout: 90_000 }, async () => {
    fleet = await createFleetWith(kind)
    const api = await fleet.start(['api'])
    await Promise.all(['mail', 'reports'].map((queue) => fleet.start(['worker'], { QUEUES: queue })))
    const { body: workers } = await request<{ readonly items: readonly ShownWorker[] }>(api.url, '/api/workers')
    const workerOf = (queue: string) => workers.items.find(({ queues }) => queues.includes(queue))?.id

    const orphans = await submitMany(api.url, 20, () => ({ type: 'demo.echo', queue: 'orphans', priority: 100 }))
    const queues = ['mail', 'reports']
    const tasks = await submitMany(api.url, 60, (index) => ({ type: 'demo.echo', queue: queues[index % 2] }))

    for (const [index, { id }] of tasks.entries()) {
      await untilStatus(api.url, id, 'SUCCESS')
      const started = (await history(api.url, id)).filter(({ type }) => type === 'Started')
      expect(started.map(({ data }) => data['incarnation'])).toEqual([workerOf(queues[index % 2] ?? '')])
    }
    for (const { id } of orphans) {
      expect(await find(api.url, id)).toMatchObject({ status: 'PENDING', detail: 'ready', version: 1 })
    }
    const { body } = await request<Explanation>(api.url, `/api/tasks/${orphans[0]?.id}/explain`)
    expect(body.because.map(({ code }) => code)).toEqual(['no-worker-for-queue'])

    await fleet.start(['worker'], { QUEUES: 'orphans,mail' })
    for (const { id } of orphans) await untilStatus(api.url, id, 'SUCCESS')
    await expectWholeHistory(fleet.database.url)
  })
})

describe.each(queueKinds)('a task of a type that nobody has a handler for, with the queue in %s', (kind) => {
  it('is taken, says why it waits, and can be cancelled', { timeout: 60_000 }, async () => {
    fleet = await createFleetWith(kind)
    const [api] = await Promise.all([fleet.start(['api']), fleet.start(['worker'])])
    const task = await submit(api.url, { type: 'nobody.knows' })
    const codes = await until('an explanation', async () => {
      const { body } = await request<Explanation>(api.url, `/api/tasks/${task.id}/explain`)
      return body.because.length > 0 ? body.because.map(({ code }) => code) : undefined
    })
    expect(codes).toEqual(['no-worker-for-type'])
    const { body } = await request<{ readonly status: string }>(api.url, `/api/tasks/${task.id}/cancel`, {
      method: 'POST',
    })
    expect(body.status).toBe('CANCELLED')
  })
})
