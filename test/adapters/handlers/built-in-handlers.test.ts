import { describe, expect, test } from 'vitest'
import { createBuiltInHandlers } from '#adapters/handlers/built-in/built-in-handlers.ts'
import { isTaskDefinition } from '#adapters/handlers/define-task.ts'
import { createHandlerContext } from './support/handler-context.ts'
import { startLocalServer } from './support/local-server.ts'

describe('the built-in handlers', () => {
  test('are these', async () => {
    const builtIn = createBuiltInHandlers({ smtpUrl: undefined, httpTargetAllow: [] })

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

  test('close what they keep open', async () => {
    const builtIn = createBuiltInHandlers({ smtpUrl: undefined, httpTargetAllow: ['127.0.0.1'] })
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
    [{ smtpUrl: undefined, httpTargetAllow: ['*'] }, 'HTTP_TARGET_ALLOW'],
  ])('name the setting that is wrong, and not what it holds: %j', (options, variable) => {
    const create = () => createBuiltInHandlers(options)

    expect(create).toThrow(expect.objectContaining({ name: 'ConfigurationError' }))
    expect(create).toThrow(variable)
    expect(create).not.toThrow('secret')
  })
})
