import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseIncarnation, parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { claimEffect } from '../../../../support/run-commands.ts'
import { loadTask } from '../../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  world = await createHttpWorld()
})
afterAll(() => world.close())

const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')

const submit = async (): Promise<TaskId> =>
  parseTaskId((await world.post('/api/tasks', JSON.stringify({ type: 'a' }))).json().id)

/** A running task that has begun an effect `charge` in mode `once`. */
const charging = async (): Promise<TaskId> => {
  const taskId = await submit()
  await world.work(taskId, (now) => ({ type: 'Start', incarnation, now }))
  const running = await loadTask(world.memory.store, taskId)
  await world.memory.ledger.claim(claimEffect(running, { name: 'charge', mode: 'once', unfinished: 'doubt' }))
  return taskId
}

/** One that ended while its effect was under way. */
const inDoubt = async (): Promise<TaskId> => {
  const taskId = await charging()
  const error = { name: 'EffectInDoubtError', message: 'nobody knows' }
  const failure = { type: 'Fail', run: 2, cause: 'effect-in-doubt', error, ending: 'thrown', random: 0 } as const
  await world.work(taskId, () => failure)
  return taskId
}

const settle = (
  taskId: string,
  body: unknown,
  {
    name = 'charge',
    headers = {},
  }: { readonly name?: string; readonly headers?: Readonly<Record<string, string>> } = {},
) => world.post(`/api/tasks/${taskId}/effects/${name}/settle`, JSON.stringify(body), headers)

const effectsOf = async (taskId: TaskId): Promise<readonly unknown[]> =>
  (await world.inject(`/api/tasks/${taskId}/effects`)).json().items

const explain = async (taskId: TaskId) => (await world.inject(`/api/tasks/${taskId}/explain`)).json()

describe('an effect in doubt', () => {
  test('is shown, and explained with what to do', async () => {
    const taskId = await inDoubt()
    expect(await effectsOf(taskId)).toStrictEqual([
      {
        name: 'charge',
        mode: 'once',
        state: 'in-doubt',
        attempt: 1,
        result: null,
        startedAt: '2026-01-01T00:00:00.000Z',
        completedAt: null,
        settled: null,
      },
    ])
    const { status, detail, because } = await explain(taskId)
    expect([status, detail, because.length, because[0].code]).toEqual([
      'FAILED',
      'effect-in-doubt',
      1,
      'effect-in-doubt',
    ])
    expect(because[0].message).toMatch(/nobody knows whether it happened: charge\. .*settle, then retry/)
  })

  test('is settled as completed with the result to the letter, by whom and why', async () => {
    const taskId = await inDoubt()
    const before = (await world.inject(`/api/tasks/${taskId}`)).json()
    const body = '{"outcome":"completed","result":{"b":1,"a":"😀"},"reason":"the bank shows it"}'
    const settled = await world.post(`/api/tasks/${taskId}/effects/charge/settle`, body, {
      'x-actor': 'Ada',
      'x-reason': 'less than the one in the body',
    })

    expect(settled.statusCode).toBe(200)
    const at = '2026-01-01T00:00:00.000Z'
    const effect = {
      name: 'charge',
      mode: 'once',
      state: 'completed',
      attempt: 1,
      result: { b: 1, a: '😀' },
      startedAt: at,
      completedAt: at,
      settled: { at, by: 'Ada', reason: 'the bank shows it' },
    }
    expect(settled.json()).toStrictEqual(effect)
    expect(settled.body).toContain('"result":{"b":1,"a":"😀"}')
    expect(await effectsOf(taskId)).toStrictEqual([effect])
    // No event: the task is as it was, and a person retries it.
    expect((await world.inject(`/api/tasks/${taskId}`)).json()).toStrictEqual(before)
    expect((await explain(taskId)).because[0].message).toMatch(
      /none of its effects is in doubt any more: retry the task$/,
    )
  })

  test('is settled as not done, which leaves it started, by nobody and for no reason', async () => {
    const taskId = await inDoubt()
    const settled = await settle(taskId, { outcome: 'not-done' })
    expect([settled.statusCode, settled.json()]).toMatchObject([
      200,
      { state: 'started', result: null, completedAt: null, settled: { by: null, reason: null } },
    ])
  })

  test('has the result null when it is settled as completed without one', async () => {
    const settled = await settle(await inDoubt(), { outcome: 'completed' }, { headers: { 'x-reason': 'seen' } })
    expect(settled.json()).toMatchObject({ state: 'completed', result: null, settled: { reason: 'seen' } })
  })

  test('is settled once: the second answer says how it stands', async () => {
    const taskId = await inDoubt()
    await settle(taskId, { outcome: 'completed', result: 1 })
    const again = await settle(taskId, { outcome: 'not-done' })
    expect([again.statusCode, again.json().code, again.json().detail]).toEqual([
      409,
      'not-in-doubt',
      'The effect is completed.',
    ])
    expect(await effectsOf(taskId)).toMatchObject([{ state: 'completed', result: 1 }])
  })

  test('is a second reason of a task that ended otherwise', async () => {
    const taskId = await charging()
    const error = { name: 'Error', message: 'it took too long' }
    await world.work(taskId, () => ({
      type: 'Fail',
      run: 2,
      cause: 'permanent-error',
      error,
      ending: 'thrown',
      random: 0,
    }))
    expect((await explain(taskId)).because).toMatchObject([{ code: 'permanent-error' }, { code: 'effect-in-doubt' }])
    await settle(taskId, { outcome: 'not-done' })
    expect((await explain(taskId)).because).toMatchObject([{ code: 'permanent-error' }])
  })
})

describe('settling is refused', () => {
  test('for an effect that a run is at', async () => {
    const refused = await settle(await charging(), { outcome: 'not-done' })
    expect([refused.statusCode, refused.json().code, refused.json().detail]).toEqual([
      409,
      'not-in-doubt',
      'The effect is started.',
    ])
  })

  test('for a name that the task has no effect of, whatever it is', async () => {
    const taskId = await inDoubt()
    for (const name of ['refund', 'Charge', '%00', '%F0%9F%98%80', 'a'.repeat(129), '__proto__', 'charge%2Fx']) {
      const refused = await settle(taskId, { outcome: 'not-done' }, { name })
      expect([refused.statusCode, refused.json().code], name).toEqual([404, 'effect-not-found'])
    }
  })

  test('for a task that is not there', async () => {
    for (const id of ['019b76da-a800-7c3e-8f6e-2f1d9c0b5a41', 'x']) {
      for (const name of ['charge', '%00']) {
        const refused = await settle(id, { outcome: 'not-done' }, { name })
        expect([refused.statusCode, refused.json().code], id).toEqual([404, 'task-not-found'])
      }
    }
  })

  test.each<[string, unknown, readonly string[]]>([
    ['no outcome', {}, ['/outcome']],
    ['an unknown outcome', { outcome: 'done' }, ['/outcome']],
    ['a result of what was not done', { outcome: 'not-done', result: null }, ['/result']],
    ['a result without an outcome', { result: 1, reason: '' }, ['/outcome', '/reason', '/result']],
    ['a reason that is null', { outcome: 'not-done', reason: null }, ['/reason']],
    ['an unknown member', { outcome: 'not-done', actor: 'Ada' }, ['/actor']],
    ['a result that cannot be stored', { outcome: 'completed', result: { a: '\0' } }, ['/result/a']],
    ['a result of more than 64 KiB', { outcome: 'completed', result: 'é'.repeat(32_768) }, ['/result']],
    ['a list', [], ['']],
  ])('with 422 for %s', async (_, body, pointers) => {
    const taskId = await inDoubt()
    const refused = await settle(taskId, body)
    expect([refused.statusCode, refused.json().code]).toEqual([422, 'validation-failed'])
    expect(
      refused
        .json()
        .errors.map(({ pointer }: { readonly pointer: string }) => pointer)
        .toSorted(),
    ).toEqual(pointers)
    expect(await effectsOf(taskId)).toMatchObject([{ state: 'in-doubt', settled: null }])
  })

  test('with 422 for a result that is nested for ever, or an integer that no double holds', async () => {
    const taskId = await inDoubt()
    for (const result of [
      `${'['.repeat(101)}${']'.repeat(101)}`,
      `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      '9007199254740993',
    ]) {
      const refused = await world.post(
        `/api/tasks/${taskId}/effects/charge/settle`,
        `{"outcome":"completed","result":${result}}`,
      )
      expect([refused.statusCode, refused.json().code]).toEqual([422, 'validation-failed'])
    }
  })

  test('without a body, with a broken one, and with an actor that is none', async () => {
    const url = `/api/tasks/${await inDoubt()}/effects/charge/settle`
    expect((await world.inject({ method: 'POST', url })).json().code).toBe('malformed-json')
    expect((await world.post(url, '{')).json().code).toBe('malformed-json')
    expect((await world.post(url, '{"outcome":"not-done"}', { 'x-actor': '\t' })).json().code).toBe('invalid-header')
    const asked = await world.inject(url)
    expect([asked.statusCode, asked.headers['allow']]).toEqual([405, 'POST'])
  })

  test('of exactly 64 KiB is no refusal', async () => {
    const settled = await settle(await inDoubt(), { outcome: 'completed', result: 'x'.repeat(65_534) })
    expect(settled.statusCode).toBe(200)
  })
})
