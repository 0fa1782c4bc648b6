import { afterEach, describe, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { submitMany, until } from './support/http.ts'

/** Ten thousand in a campaign; a small dose otherwise. */
const taskCount = Number(process.env['SCENARIO_TASKS'] ?? 2_000)

let fleet: Fleet
afterEach(async () => {
  await fleet.close()
})

describe('one API and three workers on one Postgres', () => {
  it('run every task once and record it once', { timeout: 180_000 }, async () => {
    fleet = await createFleet()
    const api = await fleet.start(['api'])
    await Promise.all([1, 2, 3].map(() => fleet.start(['worker'])))

    const tasks = await submitMany(api.url, taskCount, (index) => ({ type: 'demo.echo', payload: { index } }))
    const audit = await until(
      `the end of ${taskCount} tasks`,
      async () => {
        const found = await expectWholeHistory(fleet.database.url)
        return found.ended === taskCount ? found : undefined
      },
      120_000,
    )

    expect(new Set(tasks.map(({ id }) => id)).size).toBe(taskCount)
    expect(audit).toEqual({ tasks: taskCount, ended: taskCount, succeeded: taskCount, events: 3 * taskCount })
  })
})
