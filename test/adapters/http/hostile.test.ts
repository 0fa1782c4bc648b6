import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problemView } from '#adapters/http/problems/problem-document.ts'
import { hostileBatches } from './support/hostile-batches.ts'
import { hostileBodies } from './support/hostile-bodies.ts'
import { hostileRequests } from './support/hostile-requests.ts'
import { createHttpWorld, type HttpWorld } from './support/http-world.ts'
import { exchange } from './support/raw-exchange.ts'

let world: HttpWorld
let port = 0
beforeAll(async () => {
  world = await createHttpWorld()
  port = Number(new URL((await world.server.listen('127.0.0.1', 0)).url).port)
})
afterAll(() => world.close())

const corpus = [...hostileBodies, ...hostileRequests, ...hostileBatches]

describe('a hostile request', () => {
  test('is one of more than 300', () => {
    expect(corpus.length).toBeGreaterThan(300)
  })

  test.each(corpus)('is refused: $name', async ({ bytes, status, code }) => {
    const answer = await exchange(port, bytes)
    const problem = problemView.parse(JSON.parse(answer.body))
    expect([answer.status, problem.code]).toStrictEqual([status, code])
    expect(problem.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).not.toMatch(/\n *at |\\n *at |node_modules|\.[tj]s:\d|FST_ERR/)
    expect(answer.body.length).toBeLessThan(262_144)
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET|POST/)
    if (code === 'validation-failed') expect(problem.errors.length).toBeGreaterThan(0)
  })

  test('leaves the server alive, stores nothing and logs no error', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/tasks`)
    expect(await answer.json()).toStrictEqual({ items: [], nextCursor: null })
    expect(world.memory.logger.lines.filter((line) => line.level === 'error')).toStrictEqual([])
  })
})
