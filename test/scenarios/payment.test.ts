import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { startExampleScript } from '../adapters/handlers/support/example-script.ts'
import { expectWholeHistory } from './support/audit.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { request, submit, until, untilStatus } from './support/http.ts'

const folder = join(import.meta.dirname, '../../examples/payment')
const lease = { LEASE_MS: '6000', BEAT_MS: '1000', SWEEP_MS: '1000', RECONCILE_MS: '500' }

let fleet: Fleet
afterEach(() => fleet.close())

it('an order is charged once although its worker was killed between the charge and its record', async () => {
  fleet = await createFleet(lease)
  await using provider = await startExampleScript(join(folder, 'provider.ts'), ['hold'])
  const worker = () => fleet.start(['worker'], { HANDLERS: folder, PAYMENTS_URL: provider.url })
  const api = await fleet.start(['api'])
  const doomed = await worker()
  const { id } = await submit(api.url, { type: 'order.pay', payload: { order: '4711', cents: 1_999 } })
  await until('the charge', async () => (provider.said().includes('charge-1') ? 'charged' : undefined))
  doomed.signal('SIGKILL')
  await doomed.ended
  await worker()

  const paid = await untilStatus(api.url, id, 'SUCCESS', 60_000)
  expect(paid).toMatchObject({ attempt: 2, result: { id: 'charge-1', cents: 1_999 } })
  expect(provider.said()).toBe('charge-1: 1999 cents for order 4711\nasked: charge-1 was charged')
  const { body } = await request<{ readonly items: readonly unknown[] }>(api.url, `/api/tasks/${id}/effects`)
  expect(body.items).toMatchObject([{ name: 'charge', mode: 'verify', state: 'completed', attempt: 2 }])
  await expectWholeHistory(fleet.database.url)
}, 150_000)
