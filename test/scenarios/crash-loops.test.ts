import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { find, history, request, submit, submitMany, until, untilStatus } from './support/http.ts'

const HANDLERS = join(import.meta.dirname, 'support/poison-tasks.ts')

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

/** Starts a worker, and another whenever one dies, as a supervisor does. */
const superviseWorker = async (env: Readonly<Record<string, string>>): Promise<void> => {
  let current = await fleet.start(['worker'], { HANDLERS, ...env })
  const restartsMax = 30
  const watch = async (): Promise<void> => {
    for (let restarts = 0; restarts < restartsMax; restarts += 1) {
      await current.ended
      current = await fleet.start(['worker'], { HANDLERS, ...env })
    }
  }
  // It ends with the fleet, whose processes are killed: then no further one can be started.
  void watch().catch(() => {})
}

const causesOf = async (url: string, id: string): Promise<readonly unknown[]> =>
  (await history(url, id)).filter(({ type }) => type === 'Failed').map(({ data }) => data['cause'])

describe('tasks that kill their process', () => {
  it('end as crash loops, and their neighbours succeed', { timeout: 180_000 }, async () => {
    fleet = await createFleet()
    const api = await fleet.start(['api'])
    const poisons = await Promise.all(
      ['poison.exit', 'poison.kill', 'poison.judge', 'poison.swell'].map((type) =>
        submit(api.url, { type, maxAttempts: 20, timeoutMs: 60_000, retry: { baseMs: 1 } }),
      ),
    )
    const neighbours = await submitMany(api.url, 20, () => ({
      type: 'demo.sleep',
      payload: { ms: 300 },
      maxAttempts: 20,
    }))
    await superviseWorker({ CONCURRENCY: '4', NODE_OPTIONS: '--max-old-space-size=160' })

    for (const { id } of poisons) {
      expect(await untilStatus(api.url, id, 'FAILED', 120_000)).toMatchObject({ detail: 'crash-loop' })
      const causes = await causesOf(api.url, id)
      expect(causes.slice(0, 2)).toEqual(['worker-lost', 'worker-lost'])
      expect(causes.filter((cause) => cause === 'crash')).toHaveLength(2)
      expect(causes.at(-1)).toBe('crash')
    }
    for (const { id } of neighbours) {
      await untilStatus(api.url, id, 'SUCCESS', 60_000)
      expect(await causesOf(api.url, id)).not.toContain('crash')
    }
    await expectWholeHistory(fleet.database.url)
  })
})

describe('a task that holds the event loop for ever', () => {
  it('ends as a crash loop in a process of its own', { timeout: 180_000 }, async () => {
    fleet = await createFleet()
    const api = await fleet.start(['api'])
    await fleet.start(['maintenance'])
    const first = await fleet.start(['worker'], { HANDLERS })
    const poison = await submit(api.url, { type: 'poison.spin', maxAttempts: 9, retry: { baseMs: 1 } })
    await untilStatus(api.url, poison.id, 'PROCESSING')
    const second = await fleet.start(['worker'], { HANDLERS })
    await untilLost(api.url, poison.id, 1)
    first.signal('SIGKILL')
    await untilStatus(api.url, poison.id, 'PROCESSING')
    await fleet.start(['worker'], { HANDLERS })
    await untilLost(api.url, poison.id, 2)
    second.signal('SIGKILL')

    expect(await untilStatus(api.url, poison.id, 'FAILED', 60_000)).toMatchObject({ detail: 'crash-loop' })
    expect(await causesOf(api.url, poison.id)).toEqual(['worker-lost', 'worker-lost', 'crash', 'crash'])
    const neighbour = await submit(api.url, { type: 'demo.echo', payload: 1 })
    await untilStatus(api.url, neighbour.id, 'SUCCESS')
    await expectWholeHistory(fleet.database.url)
  })
})

const untilLost = (url: string, id: string, times: number): Promise<true> =>
  until(`loss ${times}`, async () => ((await causesOf(url, id)).length >= times ? true : undefined), 60_000)

describe('an innocent that was killed with its workers', () => {
  it('succeeds in a process of its own, with effects and progress', { timeout: 120_000 }, async () => {
    fleet = await createFleet()
    const api = await fleet.start(['api'])
    await fleet.start(['maintenance'])
    const task = await submit(api.url, { type: 'poison.innocent', payload: 'wait', maxAttempts: 9 })
    for (const times of [1, 2]) {
      const worker = await fleet.start(['worker'], { HANDLERS })
      await untilStatus(api.url, task.id, 'PROCESSING')
      worker.signal('SIGKILL')
      await untilLost(api.url, task.id, times)
    }
    const secrets = { SMTP_URL: 'smtp://there', PGPASSWORD: 'unused' }
    const last = await fleet.start(['worker'], { HANDLERS, ...secrets })

    const { result } = await untilStatus(api.url, task.id, 'SUCCESS', 60_000)
    expect(result).toMatchObject({ attempt: 3, parent: last.pid })
    expect(result).not.toMatchObject({ pid: last.pid })
    // It gets an environment, but nothing in it opens what belongs to the fleet.
    expect(result).toMatchObject({ secrets: [], path: true })
    expect(await causesOf(api.url, task.id)).toEqual(['worker-lost', 'worker-lost'])
    const { body } = await request<unknown>(api.url, `/api/tasks/${task.id}/effects`)
    expect(body).toMatchObject({ items: [{ name: 'where', state: 'completed', attempt: 3, result: last.pid }] })
  })
})

describe('hard deploys', () => {
  it('blame nobody for the workers they kill, whoever ran', { timeout: 180_000 }, async () => {
    fleet = await createFleet()
    const api = await fleet.start(['api'])
    const tasks = await submitMany(api.url, 3, () => ({ type: 'demo.sleep', payload: { ms: 30_000 }, maxAttempts: 4 }))
    for (let deploy = 0; deploy < 5; deploy += 1) {
      const worker = await fleet.start(['worker'])
      await until('a run', async () => {
        const shown = await Promise.all(tasks.map(({ id }) => find(api.url, id)))
        return shown.some(({ status }) => status === 'PROCESSING') || shown.every(({ status }) => status === 'FAILED')
          ? true
          : undefined
      })
      worker.signal('SIGKILL')
      await worker.ended
    }
    await fleet.start(['maintenance'])
    for (const { id } of tasks) {
      const causes = await causesOf(api.url, id)
      expect(causes).not.toContain('crash')
    }
    await expectWholeHistory(fleet.database.url)
  })
})
