import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { createArrivals } from '#adapters/http/request/arrivals.ts'
import { range } from '../../../support/task-builders.ts'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'

describe('bodies on their way', () => {
  test('end when they come too slowly, and go on when they do not', async () => {
    const arrivals = createArrivals({ graceMs: 0 })
    const cut = Promise.withResolvers<string>()
    const quick = arrivals.begin(() => cut.resolve('the quick one'))
    quick.bytes = 1_000_000_000
    arrivals.begin(() => cut.resolve('the slow one'))
    expect(await cut.promise).toBe('the slow one')
    arrivals.end(quick)
    arrivals.close()
  })

  test('make room for the next when there are too many, the oldest first', () => {
    const cut: number[] = []
    const arrivals = createArrivals({ arrivalsMax: 2 })
    const [, second] = range(3).map((place) => arrivals.begin(() => cut.push(place)))
    expect(cut).toStrictEqual([0])
    if (second !== undefined) arrivals.end(second)
    arrivals.begin(() => {})
    expect(cut).toStrictEqual([0])
    arrivals.begin(() => {})
    expect(cut).toStrictEqual([0, 2])
    arrivals.close()
  })
})

describe('a body of which nothing more comes', () => {
  let world: HttpWorld | undefined
  afterEach(() => world?.close())

  test('is answered with 408 and its connection ends', async () => {
    world = await createHttpWorld()
    const { url } = await world.server.listen('127.0.0.1', 0)
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
    socket.write(
      'POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n{',
    )
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 408 /)
  })
})

const readAll = async (socket: Socket): Promise<string> => {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}
