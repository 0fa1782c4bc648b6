import { defineTask, EffectNotDone } from 'taskfold'
import { z } from 'zod'

const gateway = process.env['GATEWAY_URL'] ?? 'http://127.0.0.1:4003'
const message = z.object({ id: z.string() })
const refusals = [429, 503]

/**
 * Sends a text message. Mode `once`: the gateway knows no keys and cannot be asked. When nobody can tell whether a message was
 * sent, the task ends FAILED `effect-in-doubt` and a person says what happened.
 */
export const sendMessage = defineTask({
  type: 'message.send',
  input: z.strictObject({ to: z.string().regex(/^\+\d{6,15}$/), text: z.string().min(1).max(160) }),
  run: (input, { effect }) =>
    effect('send', { mode: 'once', input }, async ({ signal }) => {
      const response = await fetch(`${gateway}/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(input),
        signal,
      })
      // Only what surely means that nothing was sent: such an attempt is tried again.
      if (refusals.includes(response.status)) throw new EffectNotDone(`the gateway answered ${response.status}`)
      if (!response.ok) throw new Error(`the gateway answered ${response.status}`)
      return message.parse(await response.json())
    }),
})
