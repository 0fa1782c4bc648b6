import { fc, test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonicalize, toFingerprint } from '#adapters/http/request/canonical-json.ts'
import { parseIncarnation, parseTaskId } from '#domain/identifiers.ts'
import { makeName, range } from '../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from './support/http-world.ts'

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

    // The same request in other letters: members in another order, white space, another form of a number.
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

  test('whoever asks, and why, is not part of the request', async () => {
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

describe('the canonical form of JSON', () => {
  test('is that of the standard', () => {
    // The examples of RFC 8785, sections 3.2.2 and 3.2.3.
    const value: unknown = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    )
    expect(canonicalize(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    const keys: unknown = JSON.parse(
      '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}',
    )
    expect(Object.values(JSON.parse(canonicalize(keys)))).toHaveLength(7)
    expect(canonicalize(keys).match(/:"(\w+)/g)).toStrictEqual([
      ':"Carriage',
      ':"One',
      ':"Control',
      ':"Latin',
      ':"Euro',
      ':"Emoji',
      ':"Hebrew',
    ])
  })

  test('puts keys that are numbers where their text belongs', () => {
    expect(canonicalize(JSON.parse('{"b":1,"9":2,"10":3,"a":-0}'))).toBe('{"10":3,"9":2,"a":0,"b":1}')
  })

  property.prop([fc.jsonValue()])('says the same, however its members are ordered', (value) => {
    const canonical = canonicalize(value)
    expect(JSON.parse(canonical)).toEqual(JSON.parse(JSON.stringify(value)))
    expect(canonicalize(JSON.parse(JSON.stringify(value, reversed)))).toBe(canonical)
    expect(toFingerprint(value)).toMatch(/^[0-9a-f]{64}$/)
  })

  const reversed = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toReversed())
      : value
})
