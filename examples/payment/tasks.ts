import { defineTask } from 'taskfold'
import { z } from 'zod'

const provider = process.env['PAYMENTS_URL'] ?? 'http://127.0.0.1:4002'
const charge = z.object({ id: z.string(), cents: z.int() })

/**
 * Charges for an order. Mode `verify`: the provider charges for each request that it gets, but can be asked by our reference.
 * A run that finds the charge begun and not recorded asks before it charges.
 */
export const pay = defineTask({
  type: 'order.pay',
  input: z.strictObject({ order: z.string().min(1).max(64), cents: z.int().min(1).max(10_000_000) }),
  run: ({ order, cents }, { effect }) =>
    effect(
      'charge',
      {
        mode: 'verify',
        input: { order, cents },
        verify: async ({ key, signal }) => {
          const response = await fetch(`${provider}/charges/${key}`, { signal })
          // This provider books a charge before all else. One that books later can only be believed after that time:
          // until then the answer is { outcome: 'unknown' }.
          if (response.status === 404) return { outcome: 'not-done' }
          if (!response.ok) throw new Error(`the provider answered ${response.status}`)
          return { outcome: 'done', result: charge.parse(await response.json()) }
        },
      },
      async ({ key, signal }) => {
        const response = await fetch(`${provider}/charges/${key}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ order, cents }),
          signal,
        })
        if (!response.ok) throw new Error(`the provider answered ${response.status}`)
        return charge.parse(await response.json())
      },
    ),
})
