import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { demoEcho, demoFail, demoSleep } from '#adapters/handlers/built-in/demo-tasks.ts'
import { AbortReason } from '#application/ports/task-handler.ts'
import { createHandlerContext } from './support/handler-context.ts'

describe('demo.echo', () => {
  test.each([null, 0, '', '😀', [], { a: [{ b: null }] }, JSON.parse('{"__proto__":1}')])(
    'returns %j',
    async (payload) => {
      expect(await demoEcho.run(payload, createHandlerContext())).toBe(payload)
    },
  )
})

describe('demo.sleep', () => {
  test('wakes by itself', async () => {
    expect(await demoSleep.run({ ms: 1 }, createHandlerContext())).toEqual({ ms: 1 })
  })

  test('rejects with the reason when it is aborted, and leaves no listener', async () => {
    const controller = new AbortController()
    const sleeping = demoSleep.run({ ms: 600_000 }, createHandlerContext({ signal: controller.signal }))
    await expect.poll(() => getEventListeners(controller.signal, 'abort').length).toBe(1)
    const reason = new AbortReason('cancelled')

    controller.abort(reason)

    await expect(sleeping).rejects.toBe(reason)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  test('does not begin when it is aborted already', async () => {
    const reason = new AbortReason('shutdown')
    const context = createHandlerContext({ signal: AbortSignal.abort(reason) })

    await expect(demoSleep.run({ ms: 1 }, context)).rejects.toBe(reason)
  })

  test.each([{}, { ms: -1 }, { ms: 1.5 }, { ms: '1' }, { ms: 600_001 }, { ms: 1, s: 1 }, null])(
    'refuses %j',
    async (payload) => {
      await expect(demoSleep.run(payload, createHandlerContext())).rejects.toMatchObject({
        name: 'PayloadInvalidError',
      })
    },
  )
})

describe('demo.fail', () => {
  test('fails as often as it was told and then succeeds', async () => {
    const runAttempt = (attempt: number) => demoFail.run({ times: 2 }, createHandlerContext({ attempt }))

    await expect(runAttempt(1)).rejects.toMatchObject({ name: 'Error', message: 'failed on purpose, attempt 1 of 2' })
    await expect(runAttempt(2)).rejects.toThrow('failed on purpose, attempt 2 of 2')
    expect(await runAttempt(3)).toEqual({ attempt: 3 })
  })

  test('says what it was told', async () => {
    await expect(demoFail.run({ times: 1, message: 'so be it' }, createHandlerContext())).rejects.toThrow('so be it')
  })

  test('can fail for good', async () => {
    await expect(demoFail.run({ times: 1, permanent: true }, createHandlerContext())).rejects.toMatchObject({
      name: 'PermanentError',
    })
  })
})
