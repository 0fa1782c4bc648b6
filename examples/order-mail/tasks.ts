import { defineTask } from 'taskfold'
import { z } from 'zod'

const service = process.env['MAIL_URL'] ?? 'http://127.0.0.1:4001'
const mail = z.object({ id: z.string() })

/**
 * Confirms an order by mail. Mode `idempotent`: the mail service drops what comes again with a key that it knows, so every
 * attempt may send until one has heard that it was sent.
 */
export const confirm = defineTask({
  type: 'order.confirm',
  input: z.strictObject({ order: z.string().min(1).max(64), to: z.email() }),
  run: ({ order, to }, { effect }) =>
    effect('confirmation', { mode: 'idempotent', input: { order, to } }, async ({ key, signal }) => {
      const response = await fetch(`${service}/mails`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ to, subject: `Your order ${order}` }),
        signal,
      })
      if (!response.ok) throw new Error(`the mail service answered ${response.status}`)
      return mail.parse(await response.json())
    }),
})
