import { z } from 'zod'
import { PermanentError } from '#application/ports/task-handler.ts'
import { defineTask } from '../define-task.ts'

const recipientsMax = 50
const bodyCharactersMax = 262_144

/** Text of one line: with a line break in it a submission could add headers of its own. */
const line = (charactersMax: number) =>
  z
    .string()
    .max(charactersMax)
    .refine((text) => !/\p{Cc}|[\u2028\u2029]/u.test(text), 'must not contain control characters')

const plainAddress = z
  .email('must be an e-mail address, or a name and an address as in: Ada <ada@example.org>')
  .max(254)

/** `ada@example.org` or `Ada Lovelace <ada@example.org>`: one mailbox, never a list. */
const mailbox = line(400).transform((text, context) => {
  const [, quoted, bare, inner] = /^\s*(?:"([^"\\<>]*)"|([^"\\<>,;:@]*?))\s*<([^<>]+)>\s*$/.exec(text) ?? []
  const parsed = plainAddress.safeParse(inner ?? text.trim())
  if (parsed.success) return { name: quoted ?? bare ?? '', address: parsed.data }
  context.issues.push({ code: 'custom', message: parsed.error.issues[0]?.message ?? 'is no address', input: text })
  return z.NEVER
})

const input = z
  .strictObject({
    to: z.union([mailbox.transform((to) => [to]), z.array(mailbox).min(1).max(recipientsMax)]),
    from: mailbox,
    subject: line(998),
    text: z.string().max(bodyCharactersMax).optional(),
    html: z.string().max(bodyCharactersMax).optional(),
  })
  .refine(({ text, html }) => text !== undefined || html !== undefined, {
    path: ['text'],
    message: 'text or html must be there',
  })

type Payload = z.output<typeof input>

/** Bounds of single steps, in milliseconds; the run's signal bounds them all together. */
const limits = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 60_000, dnsTimeout: 10_000 }

/**
 * Sends an e-mail through the server that `smtpUrl` names (`smtp:` or `smtps:`), on a connection of its own that is closed
 * before the task ends. Undefined makes every task fail for good, and say why.
 *
 * A reply of 5xx is permanent; 4xx and failures of the network are tried again. `Message-ID` is made of the task's id, so
 * that mail systems can drop a repeat. When the server refuses only some of the recipients the task succeeds, because
 * another attempt would reach the others twice; the result names both.
 */
export const createEmailSendTask = (smtpUrl: string | undefined) =>
  defineTask({
    type: 'email.send',
    input,
    run: async (payload, { taskId, signal }) => {
      if (smtpUrl === undefined) {
        throw new PermanentError('no mail server is configured: set SMTP_URL where the workers run')
      }
      signal.throwIfAborted()
      try {
        return await send(smtpUrl, payload, taskId, signal)
      } catch (error) {
        signal.throwIfAborted()
        throw toTaskError(error)
      }
    },
  })

const send = async (smtpUrl: string, { from, to, ...message }: Payload, taskId: string, signal: AbortSignal) => {
  // Loaded by the first mail: most processes send none, and loading nodemailer takes a seventh of their start.
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({ ...limits, url: smtpUrl, disableFileAccess: true, disableUrlAccess: true })
  try {
    const messageId = `<${taskId}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`
    const sent = await transport.sendMail({ ...message, from, to, messageId, signal })
    return { messageId, accepted: sent.accepted.map(toAddress), rejected: sent.rejected.map(toAddress) }
  } finally {
    transport.close()
  }
}

const toAddress = (recipient: string | { readonly address: string }): string =>
  typeof recipient === 'string' ? recipient : recipient.address

const toTaskError = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error
  const status = 'responseCode' in error && typeof error.responseCode === 'number' ? error.responseCode : undefined
  const answer = 'response' in error && typeof error.response === 'string' ? error.response : error.message
  if (status === undefined) return new Error(`the mail could not be handed over: ${error.message}`, { cause: error })
  const message = `the mail server refused: ${answer.slice(0, 500).toWellFormed()}`
  return status >= 500 ? new PermanentError(message, { cause: error }) : new Error(message, { cause: error })
}
