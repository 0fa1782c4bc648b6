import { expect, test } from 'vitest'
import { routeKey } from '#domain/route.ts'

test('two routes have one key when they are one route, and only then', () => {
  expect(routeKey({ queue: 'a', type: 'b' })).toBe(routeKey({ queue: 'a', type: 'b' }))
  const routes = [
    { queue: 'a', type: 'b' },
    { queue: 'b', type: 'a' },
    { queue: 'a', type: 'a' },
    { queue: 'ab', type: 'c' },
    { queue: 'a', type: 'bc' },
  ]
  expect(new Set(routes.map(routeKey)).size).toBe(routes.length)
})
