import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import { openDatabaseWatch } from './support/database-watch.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { find, submitMany, until, untilStatus } from './support/http.ts'

const folder = join(import.meta.dirname, '../../examples/sales-rows')
const lease = { LEASE_MS: '6000', BEAT_MS: '1000', SWEEP_MS: '1000', RECONCILE_MS: '500' }
const salesInAll = 200

let fleet: Fleet
afterEach(() => fleet.close())

it('each sale is in the row of its month once, although workers were killed between commits and records', async () => {
  fleet = await createFleet(lease)
  const worker = () => fleet.start(['worker'], { HANDLERS: folder, CONCURRENCY: '5' })
  const api = await fleet.start(['api'])
  const workers = [await worker(), await worker()]
  const retry = { strategy: 'fixed', baseMs: 500, maxMs: 500, jitter: 'none' }
  const sales = await submitMany(api.url, salesInAll, (index) => ({
    type: 'sales.record',
    payload: { month: '2026-01', cents: index + 1 },
    retry,
    maxAttempts: 20,
  }))
  for (const [index, doomed] of workers.entries()) {
    const sale = sales[(index + 1) * 40]?.id ?? ''
    await until('some sales', async () => ((await find(api.url, sale)).status === 'SUCCESS' ? sale : undefined), 60_000)
    doomed.signal('SIGKILL')
    await doomed.ended
    await worker()
  }
  for (const { id } of sales) await untilStatus(api.url, id, 'SUCCESS', 60_000)

  const watch = await openDatabaseWatch(fleet.database.url)
  expect(await watch.query('select month, sales, cents from sales_report')).toEqual([
    { month: '2026-01', sales: salesInAll, cents: (salesInAll * (salesInAll + 1)) / 2 },
  ])
  await watch.close()
  await expectWholeHistory(fleet.database.url)
}, 180_000)
