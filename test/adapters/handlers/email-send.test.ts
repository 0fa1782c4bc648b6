import { describe, expect, test } from 'vitest'
import { createEmailSendTask } from '#adapters/handlers/built-in/email-send.ts'
import { AbortReason, type HandlerContext } from '#application/ports/task-handler.ts'
import { createHandlerContext } from './support/handler-context.ts'
import { startMailServer } from './support/mail-server.ts'

const letter = { to: 'ada@example.org', from: 'Taskfold <tasks@example.com>', subject: 'Hello', text: 'How are you?' }

const send = (smtpUrl: string | undefined, payload: object, given: Partial<HandlerContext> = {}) =>
  createEmailSendTask({ smtpUrl, senders: undefined }).run(payload, createHandlerContext(given))

const refusal = (responseCode: number, message: string): Error => Object.assign(new Error(message), { responseCode })

describe('an e-mail', () => {
  test('is handed over to the mail server, and the connection is closed', async () => {
    await using server = await startMailServer()
    const context = createHandlerContext()

    expect(await send(server.url, letter)).toEqual({
      messageId: `<${context.taskId}@example.com>`,
      accepted: ['ada@example.org'],
      rejected: [],
    })
    expect(server.seen).toMatchObject([{ from: 'tasks@example.com', to: ['ada@example.org'] }])
    expect(server.seen[0]?.text).toMatch(/^From: Taskfold <tasks@example.com>\r$/m)
    expect(server.seen[0]?.text).toMatch(/^Subject: Hello\r$/m)
    expect(server.seen[0]?.text).toContain(`Message-ID: <${context.taskId}@example.com>`)
    expect(server.seen[0]?.text).toContain('How are you?')
    await expect.poll(server.open).toBe(0)
  })

  test('may go to several, as text and HTML, in any script', async () => {
    await using server = await startMailServer()
    const to = ['Ada <ada@example.org>', '"Hopper, Grace" <grace@example.org>']

    await send(server.url, { ...letter, to, subject: 'Grüße 😀', html: '<p>Hi</p>' })

    expect(server.seen[0]?.to).toEqual(['ada@example.org', 'grace@example.org'])
    expect(server.seen[0]?.text).toContain('multipart/alternative')
    expect(server.seen[0]?.text).toMatch(/^Subject: =\?UTF-8\?/m)
    expect(server.seen[0]?.text).toContain('<p>Hi</p>')
  })

  test.each([
    [{ to: undefined }, '/to'],
    [{ to: [] }, '/to'],
    [{ to: Array.from({ length: 51 }, () => 'a@example.org') }, '/to'],
    [{ to: 'nobody' }, '/to'],
    [{ to: 'a@example.org, b@example.org' }, '/to'],
    [{ to: 'a@example.org\r\nBcc: b@example.org' }, '/to'],
    [{ to: 'A\r\nBcc: b@example.org <a@example.org>' }, '/to'],
    [{ to: 'x <a@example.org> <b@example.org>' }, '/to'],
    [{ to: '<a@example.org>, b@example.org <c@example.org>' }, '/to'],
    [{ to: ['a@example.org', 'b'] }, '/to'],
    [{ from: '' }, '/from'],
    [{ from: 'A\nX: 1 <a@example.org>' }, '/from'],
    [{ subject: 'Hello\r\nBcc: b@example.org' }, '/subject'],
    [{ subject: 'Hello\u2028' }, '/subject'],
    [{ subject: 'Hello\0' }, '/subject'],
    [{ subject: 'a'.repeat(999) }, '/subject'],
    [{ text: undefined }, '/text'],
    [{ text: { path: '/etc/passwd' } }, '/text'],
    [{ html: { href: 'http://127.0.0.1/' } }, '/html'],
    [{ attachments: [{ path: '/etc/passwd' }] }, 'attachments'],
    [{ bcc: 'b@example.org' }, 'bcc'],
  ])('is refused, and nothing sent: %j', async (members, pointer) => {
    await using server = await startMailServer()

    await expect(send(server.url, { ...letter, ...members })).rejects.toMatchObject({
      name: 'PayloadInvalidError',
      message: expect.stringContaining(pointer),
    })
    expect(server.seen).toEqual([])
  })
})

describe('a mail server', () => {
  test('that is not configured fails the task for good, and the error says so', async () => {
    await expect(send(undefined, letter)).rejects.toMatchObject({
      name: 'PermanentError',
      message: 'no mail server is configured: set SMTP_URL where the workers run',
    })
  })

  test('that answers 5xx fails the task for good', async () => {
    await using server = await startMailServer({
      onRcptTo: (_address, _session, done) => done(refusal(550, 'no such mailbox')),
    })

    await expect(send(server.url, letter)).rejects.toMatchObject({
      name: 'PermanentError',
      message: expect.stringMatching(/^the mail server refused: 550 .*no such mailbox/),
    })
  })

  test.each(['onMailFrom', 'onRcptTo'] as const)('that answers 4xx is asked again: %s', async (step) => {
    await using server = await startMailServer({
      [step]: (_address: unknown, _session: unknown, done: (error: Error) => void) => done(refusal(451, 'grey')),
    })

    await expect(send(server.url, letter)).rejects.toMatchObject({
      name: 'Error',
      message: expect.stringMatching(/^the mail server refused: 451 .*grey/),
    })
  })

  test('that takes some recipients and refuses others has sent it', async () => {
    await using server = await startMailServer({
      onRcptTo: ({ address }, _session, done) => done(address === 'b@example.org' ? refusal(550, 'gone') : undefined),
    })

    expect(await send(server.url, { ...letter, to: ['a@example.org', 'b@example.org'] })).toMatchObject({
      accepted: ['a@example.org'],
      rejected: ['b@example.org'],
    })
  })

  test('that is away is asked again', async () => {
    const server = await startMailServer()
    await server[Symbol.asyncDispose]()

    await expect(send(server.url, letter)).rejects.toMatchObject({
      name: 'Error',
      message: expect.stringMatching(/^the mail could not be handed over: .*ECONNREFUSED/),
    })
  })
})

describe('a sender', () => {
  const sendAs = (senders: readonly string[], url: string) =>
    createEmailSendTask({ smtpUrl: url, senders }).run(letter, createHandlerContext())

  test.each([['tasks@example.com'], ['Tasks@Example.com'], ['@example.com']])(
    'that %s allows may send',
    async (item) => {
      await using server = await startMailServer()
      await sendAs(['other@example.org', item], server.url)
      expect(server.seen).toHaveLength(1)
    },
  )

  test.each([['other@example.com'], ['@example.org'], ['@ample.com'], ['example.com']])(
    'that %s does not allow fails for good, and nothing is sent',
    async (item) => {
      await using server = await startMailServer()
      await expect(sendAs([item], server.url)).rejects.toMatchObject({
        name: 'PermanentError',
        message: 'this sender may not be used: EMAIL_SENDERS does not list it',
      })
      expect(server.open()).toBe(0)
    },
  )
})

describe('credentials', () => {
  const withCredentials = (url: string): string => url.replace('smtp://', 'smtp://ada:top-secret@')

  test('are in no error, though the server repeats them', async () => {
    const plain = Buffer.from('\0ada\0top-secret').toString('base64')
    await using server = await startMailServer({
      disabledCommands: ['STARTTLS'],
      onAuth: (_auth, _session, done) => done(refusal(535, `no ${plain} here`)),
    })
    const failure = await Promise.resolve(send(withCredentials(server.url), letter)).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'PermanentError', message: 'the mail server refused the sign-in (535)' })
    expect(failure).not.toHaveProperty('cause')
  })

  test('are blotted out of a refusal after the sign-in', async () => {
    await using server = await startMailServer({
      disabledCommands: ['STARTTLS'],
      onAuth: (_auth, _session, done) => done(null, { user: 'ada' }),
      onRcptTo: (_address, _session, done) => done(refusal(451, 'top-secret is not welcome')),
    })
    await expect(send(withCredentials(server.url), letter)).rejects.toThrow(/451 .*\*\*\* is not welcome/)
  })

  test('are not sent in the clear to another machine', async () => {
    await using server = await startMailServer({ disabledCommands: ['STARTTLS'], authOptional: true }, '0.0.0.0')
    const failure = await Promise.resolve(send(withCredentials(server.url), letter)).catch((error: unknown) => error)
    expect(failure).toMatchObject({ message: expect.stringMatching(/^the mail server speaks no TLS/) })
    expect(server.signedIn()).toBe(0)
  })
})

describe('a run that is aborted', () => {
  test('ends the connection and rejects with the reason', async () => {
    const asked = Promise.withResolvers<void>()
    // Never answers; left alone, the client would wait for a minute.
    await using server = await startMailServer({ onMailFrom: () => asked.resolve() })
    const controller = new AbortController()
    const reason = new AbortReason('timeout')
    const sending = send(server.url, letter, { signal: controller.signal })
    await asked.promise

    controller.abort(reason)

    await expect(sending).rejects.toBe(reason)
    await expect.poll(server.open).toBe(0)
  })

  test('sends nothing when it was aborted already', async () => {
    await using server = await startMailServer()
    const reason = new AbortReason('shutdown')

    await expect(send(server.url, letter, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(server.seen).toEqual([])
  })
})
