import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from 'slonik'
import { createPostgresExclusiveWork } from '#adapters/postgres/workers/exclusive-work.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { makeName } from '../../../support/task-builders.ts'
import { createFleet, type Fleet, type FleetProcess, waitUntil } from '../support/fleet.ts'

const leaseMs = 900
const nothing = (): Promise<void> => Promise.resolve()

let fleet: Fleet
let here: FleetProcess
beforeAll(async () => {
  fleet = await createFleet()
  here = await fleet.startProcess()
})
afterAll(() => fleet.close())

/** Begins a pass that goes on until it is told to end. */
const begin = async ({ pool }: FleetProcess, name: string) => {
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const outcome = createPostgresExclusiveWork({ pool, clock: systemClock, leaseMs }).tryTurn(name, 0, async () => {
    begun.resolve()
    await end.promise
  })
  await begun.promise
  return { outcome, end: end.resolve }
}

describe('a process that dies in a pass', () => {
  it('keeps the others from it for its lease and no longer', async () => {
    const name = makeName()
    const dying = await fleet.startProcess()
    const { outcome, end } = await begin(dying, name)
    // From now on it neither renews its lease nor gives it back.
    await dying.pool.end()
    const passes = createPostgresExclusiveWork({ pool: here.pool, clock: systemClock, leaseMs })
    expect(await passes.tryTurn(name, 0, nothing)).toBe('taken')
    await waitUntil(async () => (await passes.tryTurn(name, 0, nothing)) === 'done')
    end()
    expect(await outcome).toBe('done')
  })
})

describe('a pass that takes longer than the lease', () => {
  it('is begun by no other process', async () => {
    const name = makeName()
    const elsewhere = await fleet.startProcess()
    const { outcome, end } = await begin(elsewhere, name)
    const passes = createPostgresExclusiveWork({ pool: here.pool, clock: systemClock, leaseMs })
    const endsAtMs = performance.now() + 2 * leaseMs
    const seen = new Set<string>()
    await waitUntil(async () => {
      seen.add(await passes.tryTurn(name, 0, nothing))
      return performance.now() > endsAtMs
    })
    expect([...seen]).toEqual(['taken'])
    end()
    expect(await outcome).toBe('done')
    expect(await passes.tryTurn(name, 0, nothing)).toBe('done')
  })
})

describe('a pass without a database', () => {
  it('is not begun', async () => {
    const away = await fleet.startProcess()
    await away.pool.end()
    const never = () => Promise.reject(new Error('ran without a lease'))
    await expect(
      createPostgresExclusiveWork({ pool: away.pool, clock: systemClock }).tryTurn(makeName(), 0, never),
    ).rejects.toBeInstanceOf(StoreUnavailableError)
  })
})

describe('a turn that began in the future, because the clock of the server stepped back', () => {
  it('stops the work for one interval and not for the whole step', async () => {
    const name = makeName()
    const passes = createPostgresExclusiveWork({ pool: here.pool, clock: systemClock })
    const everyMs = 200
    expect(await passes.tryTurn(name, everyMs, nothing)).toBe('done')
    await here.pool.query(sql.unsafe`
      update taskfold.exclusive_work set begun_at = begun_at + interval '3 hours' where name = ${name}`)
    expect(await passes.tryTurn(name, everyMs, nothing)).toBe('not-due')
    await waitUntil(async () => (await passes.tryTurn(name, everyMs, nothing)) === 'done')
    expect(
      await here.pool.oneFirst(sql.unsafe`
      select begun_at <= clock_timestamp() from taskfold.exclusive_work where name = ${name}`),
    ).toBe(true)
  })
})
