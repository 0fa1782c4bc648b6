import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { history, post, submit, submitMany, untilStatus } from './support/http.ts'
import type { TaskfoldProcess } from './support/process.ts'

const HANDLERS = join(import.meta.dirname, 'support/escaping-tasks.ts')

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

/** With the default lease, so that a test which waits for one is told from a test which does not. */
const begin = async () => {
  fleet = await createFleet({})
  const api = await fleet.start(['api'])
  const worker = await fleet.start(['worker'], { HANDLERS, HOLD: 'yes' })
  return { url: api.url, worker }
}

const typesOf = async (url: string, id: string) => (await history(url, id)).map(({ type }) => type)

const linesOf = (worker: TaskfoldProcess, taskId: string) => worker.logs.filter((line) => line.includes(taskId))

describe('an error that escapes from a handler', () => {
  it.each(['a forgotten await', 'a timer', 'an old callback', 'a connection'])(
    'by %s is its crash, named in the log, and costs its neighbours nothing',
    { timeout: 60_000 },
    async (way) => {
      const { url, worker } = await begin()
      const neighbours = await submitMany(url, 5, () => ({ type: 'escape.neighbour', maxAttempts: 1 }))
      for (const { id } of neighbours) await untilStatus(url, id, 'PROCESSING')
      const culprit = await submit(url, { type: 'escape.now', payload: way, retry: { baseMs: 3_600_000 } })

      expect(await worker.ended).toBe(1)
      expect(linesOf(worker, culprit.id).join('\n')).toContain('an error escaped from a handler')
      // No sweeper runs: this is what the process left behind by itself.
      expect(await typesOf(url, culprit.id)).toEqual(['Submitted', 'Started', 'Failed', 'Retried'])
      const [, , failed] = await history(url, culprit.id)
      const message = way === 'a connection' ? expect.stringContaining('ECONNREFUSED') : 'escaped'
      expect(failed?.data).toMatchObject({ cause: 'crash', final: false, error: { message } })
      for (const { id } of neighbours) expect(await typesOf(url, id)).toEqual(['Submitted', 'Started', 'Released'])

      await fleet.start(['worker'], { HANDLERS })
      for (const { id } of neighbours) expect(await untilStatus(url, id, 'SUCCESS')).toMatchObject({ attempt: 1 })
      await expectWholeHistory(fleet.database.url)
    },
  )

  it('is a crash loop the second time', { timeout: 60_000 }, async () => {
    const { url, worker } = await begin()
    const culprit = await submit(url, { type: 'escape.now', payload: 'a timer', maxAttempts: 9, retry: { baseMs: 1 } })
    expect(await worker.ended).toBe(1)
    const second = await fleet.start(['worker'], { HANDLERS })
    expect(await second.ended).toBe(1)
    expect(await untilStatus(url, culprit.id, 'FAILED')).toMatchObject({ detail: 'crash-loop' })
  })

  it('that has ended is no event, and is named in the log', { timeout: 60_000 }, async () => {
    const { url, worker } = await begin()
    const neighbour = await submit(url, { type: 'escape.neighbour', maxAttempts: 1 })
    await untilStatus(url, neighbour.id, 'PROCESSING')
    const culprit = await submit(url, { type: 'escape.late' })
    expect(await worker.ended).toBe(1)
    expect(linesOf(worker, culprit.id).join('\n')).toContain('escaped late')
    expect(await typesOf(url, culprit.id)).toEqual(['Submitted', 'Started', 'Succeeded'])
    expect(await typesOf(url, neighbour.id)).toEqual(['Submitted', 'Started', 'Released'])
  })
})

describe('an abort listener that throws', () => {
  it('ends no process and is named in the log', { timeout: 60_000 }, async () => {
    const { url, worker } = await begin()
    const { id } = await submit(url, { type: 'escape.listener' })
    await untilStatus(url, id, 'PROCESSING')
    await post(url, `/api/tasks/${id}/cancel`, {})
    await untilStatus(url, id, 'CANCELLED')
    expect(linesOf(worker, id).join('\n')).toContain("a listener of a handler's signal threw")
    const after = await submit(url, { type: 'demo.echo', payload: 1 })
    await untilStatus(url, after.id, 'SUCCESS')
  })
})
