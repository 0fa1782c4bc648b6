import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpWorld, type HttpWorld } from '../../../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  world = await createHttpWorld({ namesMax: 3 })
  await submit({ type: 'known', queue: 'q1' })
  await submit({ type: 'known', queue: 'q2' })
})
afterAll(() => world.close())

const submit = (task: unknown, query = '') => world.post(`/api/tasks${query}`, JSON.stringify(task))

describe('a new name when there are as many as there may be', () => {
  test.each([
    ['/queue', { type: 'known', queue: 'q3' }],
    ['/type', { type: 'other', queue: 'q1' }],
  ])('is refused, and pointed at: %s', async (pointer, task) => {
    const answer = await submit(task)
    expect(answer.statusCode).toBe(422)
    const { code, errors } = answer.json()
    expect([code, errors.length, errors[0].pointer]).toEqual(['validation-failed', 1, pointer])
    expect(errors[0].message).toContain('NAMES_MAX')
  })

  test('refuses its own item of a batch and no other', async () => {
    const tasks = [
      { type: 'known', queue: 'q1' },
      { type: 'known', queue: 'q3' },
      { type: 'known', queue: 'q2' },
    ]
    const { results } = (await submit({ tasks }, '/batch')).json()
    expect(results.map(({ status }: { status: number }) => status)).toEqual([202, 422, 202])
    expect(results[1].problem.errors).toMatchObject([{ pointer: '/queue' }])
  })

  test('refuses all of an atomic batch, at its place', async () => {
    const before = (await world.inject('/api/tasks?limit=200')).json().items.length
    const tasks = [
      { type: 'known', queue: 'q1' },
      { type: 'other', queue: 'q1' },
    ]
    const answer = await submit({ tasks }, '/batch?atomic=true')
    expect(answer.statusCode).toBe(422)
    expect(answer.json().errors).toMatchObject([{ pointer: '/tasks/1/type' }])
    expect((await world.inject('/api/tasks?limit=200')).json().items).toHaveLength(before)
  })

  test('leaves tasks with known names alone', async () => {
    expect((await submit({ type: 'known', queue: 'q2' })).statusCode).toBe(202)
  })
})
