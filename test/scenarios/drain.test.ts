import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import type { Fleet } from './support/fleet.ts'
import { history, submit, untilStatus } from './support/http.ts'
import { createFleetWith, queueKinds } from './support/queue-kinds.ts'

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

describe.each(queueKinds)('a worker that is told to end by SIGTERM, with the queue in %s', (kind) => {
  it('finishes what it runs', { timeout: 60_000 }, async () => {
    fleet = await createFleetWith(kind)
    const api = await fleet.start(['api'])
    const worker = await fleet.start(['worker'])
    const task = await submit(api.url, { type: 'demo.sleep', payload: { ms: 1_500 } })
    await untilStatus(api.url, task.id, 'PROCESSING')
    worker.signal('SIGTERM')

    expect(await worker.ended).toBe(0)
    const events = await history(api.url, task.id)
    expect(events.map(({ type }) => type)).toEqual(['Submitted', 'Started', 'Succeeded'])
  })

  it('hands back unspent what does not finish in time', { timeout: 60_000 }, async () => {
    fleet = await createFleetWith(kind)
    const api = await fleet.start(['api'])
    const worker = await fleet.start(['worker'], { DRAIN_MS: '500' })
    const task = await submit(api.url, { type: 'demo.sleep', payload: { ms: 20_000 } })
    await untilStatus(api.url, task.id, 'PROCESSING')
    worker.signal('SIGTERM')

    expect(await worker.ended).toBe(0)
    expect(await untilStatus(api.url, task.id, 'PENDING')).toMatchObject({ attempt: 0, detail: 'ready' })
    const events = await history(api.url, task.id)
    expect(events.map(({ type }) => type)).toEqual(['Submitted', 'Started', 'Released'])
    expect(events[2]?.data).toEqual({ run: 2, attempt: 1, cause: 'shutdown' })
    await expectWholeHistory(fleet.database.url)
  })

  it('ends at once at a second, later signal', { timeout: 60_000 }, async () => {
    fleet = await createFleetWith(kind)
    const api = await fleet.start(['api'])
    const worker = await fleet.start(['worker'], { DRAIN_MS: '60000' })
    const task = await submit(api.url, { type: 'demo.sleep', payload: { ms: 30_000 } })
    await untilStatus(api.url, task.id, 'PROCESSING')
    worker.signal('SIGTERM')
    await new Promise((resolve) => {
      setTimeout(resolve, 1_000)
    })
    worker.signal('SIGTERM')
    expect(await worker.ended).toBe(143)
  })
})
