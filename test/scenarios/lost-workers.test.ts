import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import type { Fleet } from './support/fleet.ts'
import { history, submit, submitMany, untilStatus } from './support/http.ts'
import { createFleetWith, queueKinds } from './support/queue-kinds.ts'

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

describe.each(queueKinds)('a worker killed by SIGKILL in the middle, with the queue in %s', (kind) => {
  it('leaves tasks that run again, and histories that say why', { timeout: 120_000 }, async () => {
    fleet = await createFleetWith(kind)
    const api = await fleet.start(['api'])
    const victim = await fleet.start(['worker'], { CONCURRENCY: '5' })
    const tasks = await submitMany(api.url, 5, () => ({ type: 'demo.sleep', payload: { ms: 4_000 } }))
    await Promise.all(tasks.map(({ id }) => untilStatus(api.url, id, 'PROCESSING')))
    victim.signal('SIGKILL')
    await victim.ended
    await fleet.start(['worker'])

    for (const { id } of tasks) {
      expect(await untilStatus(api.url, id, 'SUCCESS', 40_000)).toMatchObject({ attempt: 2 })
      const events = await history(api.url, id)
      expect(events.map(({ type }) => type)).toEqual([
        'Submitted',
        'Started',
        'Failed',
        'Retried',
        'Started',
        'Succeeded',
      ])
      expect(events[2]?.data).toMatchObject({ cause: 'worker-lost', final: false, run: 2, attempt: 1 })
      expect(events[3]?.data).toEqual({ delayMs: 0, reopened: false })
    }
    await expectWholeHistory(fleet.database.url)
  })
})

describe.each(queueKinds)(
  'a worker stopped by SIGSTOP beyond its lease and continued, with the queue in %s',
  (kind) => {
    it('records nothing for the attempt that was replaced', { timeout: 120_000 }, async () => {
      fleet = await createFleetWith(kind)
      const api = await fleet.start(['api'])
      const sleeper = await fleet.start(['worker'])
      const task = await submit(api.url, { type: 'demo.sleep', payload: { ms: 3_000 } })
      await untilStatus(api.url, task.id, 'PROCESSING')
      sleeper.signal('SIGSTOP')
      const other = await fleet.start(['worker'])
      await untilStatus(api.url, task.id, 'SUCCESS', 40_000)
      sleeper.signal('SIGCONT')
      const after = await submitMany(api.url, 20, () => ({ type: 'demo.echo', payload: null }))
      other.signal('SIGTERM')
      expect(await other.ended).toBe(0)
      const last = await submit(api.url, { type: 'demo.echo', payload: 'by the one that came back' })

      await untilStatus(api.url, last.id, 'SUCCESS', 40_000)
      for (const { id } of after) await untilStatus(api.url, id, 'SUCCESS', 40_000)
      const events = await history(api.url, task.id)
      expect(events.map(({ type }) => type)).toEqual([
        'Submitted',
        'Started',
        'Failed',
        'Retried',
        'Started',
        'Succeeded',
      ])
      expect(events[5]?.data).toMatchObject({ run: 5, attempt: 2 })
      await expectWholeHistory(fleet.database.url)
    })
  },
)
