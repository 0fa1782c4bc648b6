import { isIP } from 'node:net'
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

export interface EmailSettings {
  readonly smtpUrl: string | undefined
  readonly senders: readonly string[] | undefined
}

const maySend = (senders: readonly string[] | undefined, address: string): boolean => {
  const sender = address.toLowerCase()
  const domain = sender.slice(sender.lastIndexOf('@'))
  return senders === undefined || senders.some((allowed) => [sender, domain].includes(allowed.toLowerCase()))
}

/** Whoever listens on the way would have the password. */
const needsTls = ({ username, hostname }: URL): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '')
  const onLoopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
  return username !== '' && !onLoopback
}

/** Bounds of single steps, in milliseconds; the run's signal bounds them all together. */
const limits = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 60_000, dnsTimeout: 10_000 }

/**
 * Sends an e-mail through the server that `smtpUrl` names (`smtp:` or `smtps:`), on a connection of its own that is closed
 * before the task ends. Undefined makes every task fail for good, and say why. Credentials in the URL are sent over TLS
 * alone, unless the server is on loopback.
 *
 * `senders` are the addresses, or the domains after an `@`, that mail may come from; undefined for any. Mail from another
 * fails for good.
 *
 * A reply of 5xx is permanent; 4xx and failures of the network are tried again. `Message-ID` is made of the task's id, so
 * that mail systems can drop a repeat. When the server refuses only some of the recipients the task succeeds, because
 * another attempt would reach the others twice; the result names both.
 */
export const createEmailSendTask = ({ smtpUrl, senders }: EmailSettings) =>
  defineTask({
    type: 'email.send',
    input,
    run: async (payload, { taskId, signal }) => {
      if (smtpUrl === undefined) {
        throw new PermanentError('no mail server is configured: set SMTP_URL where the workers run')
      }
      if (!maySend(senders, payload.from.address)) {
        throw new PermanentError('this sender may not be used: EMAIL_SENDERS does not list it')
      }
      signal.throwIfAborted()
      try {
        return await send(smtpUrl, payload, taskId, signal)
      } catch (error) {
        signal.throwIfAborted()
        throw toTaskError(error, smtpUrl)
      }
    },
  })

const send = async (smtpUrl: string, { from, to, ...message }: Payload, taskId: string, signal: AbortSignal) => {
  // Loaded by the first mail: most processes send none, and loading nodemailer takes a seventh of their start.
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    ...limits,
    url: smtpUrl,
    requireTLS: needsTls(new URL(smtpUrl)),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
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

/**
 * What the server said becomes the task's error, which many may read. Servers repeat what they were sent: the answer to a
 * sign-in is left out, and credentials are blotted out of any other.
 */
const toTaskError = (error: unknown, smtpUrl: string): unknown => {
  if (!(error instanceof Error)) return error
  const { code, responseCode: status, response }: Refusal = Object(error)
  const message = describe(error, { code, status, response })
  const text = blotOut(message, new URL(smtpUrl))
  // Without its cause, which would repeat all of it.
  return typeof status === 'number' && status >= 500 ? new PermanentError(text) : new Error(text)
}

interface Refusal {
  readonly code?: unknown
  readonly responseCode?: unknown
  readonly response?: unknown
}

const describe = (
  error: Error,
  { code, status, response }: Record<'code' | 'status' | 'response', unknown>,
): string => {
  if (code === 'EAUTH') return `the mail server refused the sign-in${typeof status === 'number' ? ` (${status})` : ''}`
  if (code === 'ETLS') return 'the mail server speaks no TLS, and without it nobody signs in to another machine'
  if (typeof status !== 'number') return `the mail could not be handed over: ${error.message.slice(0, 500)}`
  return `the mail server refused: ${(typeof response === 'string' ? response : error.message)
    .slice(0, 500)
    .toWellFormed()}`
}

const blotOut = (text: string, url: URL): string => {
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  const encoded = [`\0${user}\0${password}`, user, password].map((secret) => Buffer.from(secret).toString('base64'))
  return [...encoded, password]
    .filter((secret) => secret.length > 3)
    .reduce((left, secret) => left.replaceAll(secret, '***'), text)
}
