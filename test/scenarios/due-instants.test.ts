import { afterEach, describe, expect, it } from 'vitest'
import { createFleet, type Fleet } from './support/fleet.ts'
import { type ShownTask, request, submitMany, until } from './support/http.ts'

const taskCount = Number(process.env['SCENARIO_DUE_TASKS'] ?? 300)
const spreadMs = Math.ceil(taskCount / 100) * 1_000

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

interface Page {
  readonly items: readonly ShownTask[]
  readonly nextCursor: string | null
}

const readAll = async (url: string): Promise<readonly ShownTask[]> => {
  const tasks: ShownTask[] = []
  for (let cursor = ''; ;) {
    const { body } = await request<Page>(url, `/api/tasks?limit=200${cursor}`)
    tasks.push(...body.items)
    if (body.nextCursor === null) return tasks
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`
  }
}

describe('tasks that are due at instants to come', () => {
  it('start at them, none before', { timeout: 120_000 }, async () => {
    fleet = await createFleet({})
    const api = await fleet.start(['api'])
    await fleet.start(['worker'])
    const firstAtMs = Date.now() + 4_000
    await submitMany(api.url, taskCount, (index) => ({
      type: 'demo.echo',
      payload: null,
      runAt: new Date(firstAtMs + Math.round((index * spreadMs) / taskCount)).toISOString(),
    }))
    const tasks = await until(
      'the end of all',
      async () => {
        const found = await readAll(api.url)
        return found.every(({ status }) => status === 'SUCCESS') ? found : undefined
      },
      60_000,
    )

    expect(tasks).toHaveLength(taskCount)
    const lateMs = tasks
      .map(({ runAt, startedAt }) => Date.parse(startedAt ?? '') - Date.parse(runAt))
      .toSorted((a, b) => a - b)
    expect(lateMs[0]).toBeGreaterThanOrEqual(0)
    process.stdout.write(
      `${taskCount} due tasks began late by ${quantile(lateMs, 0.5)} ms at the median, ` +
        `${quantile(lateMs, 0.99)} ms at the 99th of a hundred\n`,
    )
  })
})
