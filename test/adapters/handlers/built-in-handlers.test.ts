import { describe, expect, test } from 'vitest'
import { createBuiltInHandlers } from '#adapters/handlers/built-in/built-in-handlers.ts'
import { builtInTypes } from '#adapters/handlers/built-in/built-in-types.ts'
import { isTaskDefinition } from '#adapters/handlers/define-task.ts'
import { createHandlerContext } from './support/handler-context.ts'
import { startLocalServer } from './support/local-server.ts'

const everything = { smtpUrl: undefined, httpTargetAllow: [], emailSenders: undefined, builtIn: builtInTypes }

describe('the built-in handlers', () => {
  test('are these', async () => {
    const builtIn = createBuiltInHandlers(everything)

    expect(builtIn.handlers.map(({ type }) => type)).toEqual([
      'demo.echo',
      'demo.sleep',
      'demo.fail',
      'http.request',
      'email.send',
    ])
    expect(builtIn.handlers.every(isTaskDefinition)).toBe(true)
    await builtIn.close()
  })

  test('are only those that are on', async () => {
    const builtIn = createBuiltInHandlers({ ...everything, builtIn: ['email.send', 'demo.echo'] })

    expect(builtIn.handlers.map(({ type }) => type)).toEqual(['demo.echo', 'email.send'])
    await builtIn.close()
  })

  test('close what they keep open', async () => {
    const builtIn = createBuiltInHandlers({ ...everything, httpTargetAllow: ['127.0.0.1'] })
    const closed = Promise.withResolvers<void>()
    await using server = await startLocalServer((_request, response) => {
      response.socket?.on('close', () => closed.resolve())
      response.end()
    })
    await builtIn.handlers.find(({ type }) => type === 'http.request')?.run({ url: server.url }, createHandlerContext())

    await builtIn.close()

    await closed.promise
    expect(server.connections()).toBe(1)
  })

  test.each([
    [{ smtpUrl: 'http://user:secret@a', httpTargetAllow: [] }, 'SMTP_URL'],
    [{ smtpUrl: 'nonsense', httpTargetAllow: [] }, 'SMTP_URL'],
    [{ smtpUrl: undefined, httpTargetAllow: ['10.0.0.7', 'top secret'] }, 'HTTP_TARGET_ALLOW: item 2'],
  ])('name the setting that is wrong, and not what it holds: %j', (options, variable) => {
    const create = () => createBuiltInHandlers({ ...everything, ...options })

    expect(create).toThrow(expect.objectContaining({ name: 'ConfigurationError' }))
    expect(create).toThrow(variable)
    expect(create).not.toThrow('secret')
  })
})
