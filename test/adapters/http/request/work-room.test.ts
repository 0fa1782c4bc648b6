import { expect, test } from 'vitest'
import { createWorkRoom } from '#adapters/http/request/work-room.ts'

test('works begin in the order in which they came, as far as they fit beside each other', async () => {
  const room = createWorkRoom(10)
  const begun: string[] = []
  const enter = async (name: string, weight: number) => {
    const leave = await room.enter(weight)
    begun.push(name)
    return leave
  }
  const works = [enter('a', 6), enter('b', 4), enter('c', 30), enter('d', 1)]
  const [a, b] = [await works[0], await works[1]]
  expect(begun).toStrictEqual(['a', 'b'])
  a?.()
  // Nothing passes by a heavy one, or it would wait for ever.
  await Promise.resolve()
  expect(begun).toStrictEqual(['a', 'b'])
  b?.()
  const c = await works[2]
  expect(begun).toStrictEqual(['a', 'b', 'c'])
  c?.()
  await works[3]
  expect(begun).toStrictEqual(['a', 'b', 'c', 'd'])
})
