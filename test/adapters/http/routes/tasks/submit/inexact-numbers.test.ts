import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHttpWorld, type HttpWorld } from '../../../support/http-world.ts'

let world: HttpWorld
beforeEach(async () => {
  world = await createHttpWorld({})
})
afterEach(() => world.close())

const message = 'is an integer that a double does not hold exactly: send it as a string'

describe('an integer that a double does not hold', () => {
  test('is refused with its place, and the task is not stored', async () => {
    const answer = await world.post('/api/tasks', '{"type":"a","payload":{"ids":[1,9007199254740993]}}')
    expect(answer.statusCode).toBe(422)
    expect(answer.json()).toMatchObject({ code: 'validation-failed', errors: [{ pointer: '/payload/ids/1', message }] })
    expect((await world.inject('/api/tasks')).json()).toEqual({ items: [], nextCursor: null })
  })

  test('is named together with every other fault', async () => {
    const answer = await world.post('/api/tasks', '{"type":"","payload":-9007199254740993,"priority":1000}')
    const { errors } = answer.json<{ readonly errors: readonly { readonly pointer: string }[] }>()
    expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual(['/payload', '/priority', '/type'])
  })

  test('refuses its task of a batch alone', async () => {
    const answer = await world.post(
      '/api/tasks/batch',
      '{"tasks":[{"type":"a","payload":1},{"type":"a","payload":[9007199254740993]},{"type":"a","payload":2}]}',
    )
    expect(answer.json()).toMatchObject({
      results: [
        { status: 202 },
        { status: 422, problem: { errors: [{ pointer: '/payload/0', message }] } },
        { status: 202 },
      ],
    })
  })

  test('refuses an atomic batch as a whole', async () => {
    const tasks = '{"tasks":[{"type":"a","payload":1},{"type":"a","payload":[9007199254740993]}]}'
    const answer = await world.post('/api/tasks/batch?atomic=true', tasks)
    expect(answer.statusCode).toBe(422)
    expect(answer.json()).toMatchObject({ errors: [{ pointer: '/tasks/1/payload/0', message }] })
  })

  test.each(['9007199254740991', '-9007199254740992', '9007199254740992', '1e300', '0.1', '9007199254740993.5'])(
    'is not what %s is',
    async (number) => {
      const answer = await world.post('/api/tasks', `{"type":"a","payload":${number}}`)
      expect(answer.statusCode).toBe(202)
      expect(answer.json()).toMatchObject({ payload: Number(number) })
    },
  )
})

describe('a task of a batch that is nested too deeply', () => {
  test('is refused alone, without being parsed', async () => {
    const deep = `{"type":"a","payload":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    const answer = await world.post('/api/tasks/batch', `{"tasks":[{"type":"a"},${deep},{"type":"a","payload":3}]}`)
    const errors = [{ pointer: '/payload', message: 'is more than 100 containers deep' }]
    expect(answer.json()).toMatchObject({
      results: [{ status: 202 }, { status: 422, problem: { errors } }, { status: 202 }],
    })
  })
})
