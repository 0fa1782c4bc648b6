import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let world: HttpWorld
beforeAll(async () => {
  world = await createHttpWorld()
})
afterAll(() => world.close())

const anyTask = '/api/tasks/019b76da-a800-7c3e-8f6e-2f1d9c0b5a41'

describe('what does not fit a schema is told in our own words', () => {
  test.each([
    ['/api/tasks', 'null', '', 'must be an object'],
    ['/api/tasks', '[]', '', 'must be an object'],
    ['/api/tasks', '5', '', 'must be an object'],
    ['/api/tasks', '{}', '/type', 'is missing'],
    ['/api/tasks', '{"type":null}', '/type', 'must be a string'],
    ['/api/tasks', '{"type":"a","priority":"high"}', '/priority', 'must be a number'],
    ['/api/tasks', '{"type":"a","tags":{}}', '/tags', 'must be an array'],
    ['/api/tasks', '{"type":"a","tags":[7]}', '/tags/0', 'must be a string'],
    ['/api/tasks', '{"type":"a","retry":null}', '/retry', 'must be an object'],
    ['/api/tasks', '{"type":"a","retry":{"strategy":"none"}}', '/retry/strategy', 'must be exponential or fixed'],
    ['/api/tasks', '{"type":"a","retry":{"strategy":7}}', '/retry/strategy', 'must be exponential or fixed'],
    ['/api/tasks', '{"type":"a","odd":1}', '/odd', 'is not known here'],
    ['/api/tasks/batch', 'null', '', 'must be an object'],
    ['/api/tasks/batch', '{"tasks":null}', '/tasks', 'must be an array'],
    [`${anyTask}/retry`, 'null', '', 'must be an object'],
    [`${anyTask}/retry`, '{"reason":7}', '/reason', 'must be a string'],
  ])('POST %s %s', async (path, body, pointer, message) => {
    const answer = await world.post(path, body)
    expect(answer.statusCode).toBe(422)
    expect(answer.json().errors).toContainEqual({ pointer, message })
    expect(answer.body).not.toMatch(/Invalid|Too (?:big|small)|Unrecognized|expected|received/)
  })

  test('in a query', async () => {
    const answer = await world.inject('/api/tasks?status=DONE')
    expect(answer.json().errors).toEqual([
      { pointer: '/query/status', message: 'must be PENDING or PROCESSING or SUCCESS or FAILED or CANCELLED' },
    ])
  })

  test('in an item of a batch', async () => {
    const answer = await world.post('/api/tasks/batch', '{"tasks":[null,{"type":"a"}]}')
    expect(answer.json().results[0].problem.errors).toEqual([{ pointer: '', message: 'must be an object' }])
  })
})

test('a browser that goes to the address of the process is led to the reference, and finds no icon', async () => {
  const root = await world.inject('/')
  expect({ status: root.statusCode, location: root.headers.location }).toEqual({ status: 302, location: '/api/docs' })
  const icon = await world.inject('/favicon.ico')
  expect({ status: icon.statusCode, body: icon.body }).toEqual({ status: 204, body: '' })
})
