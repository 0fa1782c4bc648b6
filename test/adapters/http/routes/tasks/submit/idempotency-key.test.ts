import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseIncarnation, parseTaskId } from '#domain/identifiers.ts'
import { makeName, range } from '../../../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../../../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  world = await createHttpWorld()
})
afterAll(() => world.close())

const submit = (key: string, body: string) => world.post('/api/tasks', body, { 'idempotency-key': key })

describe('a submission with a key', () => {
  test('that is repeated makes no second task, and shows the first as it stands now', async () => {
    const key = makeName()
    const first = await submit(key, '{"type":"a","payload":{"n":1,"m":2}}')
    expect([first.statusCode, first.headers['idempotency-replayed']]).toStrictEqual([202, undefined])
    const { id } = first.json()
    const incarnation = parseIncarnation('3f6c1c52-8a0e-4d0b-9a6f-5b1e2f7d8c90')
    await world.work(parseTaskId(id), (now) => ({ type: 'Start', incarnation, now }))
    await world.memory.progress.write([{ taskId: parseTaskId(id), run: 2, value: '0.5' }])
    await world.work(parseTaskId(id), () => ({ type: 'Succeed', run: 2, result: '[1]' }))

    // The same request, written otherwise: members in another order, white space, another form of a number.
    const again = await submit(key, ' {"payload": {"m": 2.0, "n": 1e0}, "type": "\\u0061"}')
    expect([again.statusCode, again.headers['idempotency-replayed']]).toStrictEqual([202, 'true'])
    expect(again.headers.location).toBe(`/api/tasks/${id}`)
    expect(again.json()).toStrictEqual((await world.inject(`/api/tasks/${id}`)).json())
    expect(again.json()).toMatchObject({ status: 'SUCCESS', result: [1], progress: 0.5 })
  })

  test('is refused when the key was used for another request, and stores nothing', async () => {
    const key = makeName()
    const { id } = (await submit(key, '{"type":"a","queue":"one"}')).json()
    const bodies = [
      '{"type":"a"}',
      '{"type":"a","queue":"one","priority":0}',
      '{"type":"a","queue":"one","payload":null}',
    ]
    for (const body of bodies) {
      const refused = await submit(key, body)
      expect([refused.statusCode, refused.json().code]).toStrictEqual([422, 'idempotency-key-reused'])
    }
    expect((await submit(key, '{"queue":"one","type":"a"}')).json().id).toBe(id)
  })

  test('makes one task of twenty at once', async () => {
    const key = makeName()
    const answers = await Promise.all(range(20).map(() => submit(key, '{"type":"twenty"}')))
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1)
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === undefined)).toHaveLength(1)
    expect((await world.inject('/api/tasks?type=twenty')).json().items).toHaveLength(1)
  })

  test('is the same whoever asks, and for whatever reason', async () => {
    const key = makeName()
    const first = await submit(key, '{"type":"a"}')
    const headers = { 'idempotency-key': key, 'x-actor': 'ada', 'x-reason': 'again' }
    const again = await world.post('/api/tasks', '{"type":"a"}', headers)
    expect(again.json().id).toBe(first.json().id)
  })

  test('that was refused leaves the key free', async () => {
    const key = makeName()
    expect((await submit(key, '{"type":"a","priority":101}')).statusCode).toBe(422)
    expect((await submit(key, '{"type":"a","priority":100}')).statusCode).toBe(202)
  })

  test.each(['!', 'a'.repeat(255), '~"\\{}', '%00'])('may have the key %s', async (key) => {
    const first = await submit(key, '{"type":"a"}')
    expect(first.statusCode).toBe(202)
    expect((await submit(key, '{"type":"a"}')).json().id).toBe(first.json().id)
  })
})
