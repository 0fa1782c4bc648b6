import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { parseErrorReport, toErrorReport } from '#adapters/worker/run/error-report.ts'

/** Of a server that was there and is gone. */
const findClosedPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : expect.unreachable('it has no port')
}

const hostile = {
  get message() {
    throw new Error('no')
  },
  get name() {
    throw new Error('no')
  },
  toJSON: () => {
    throw new Error('no')
  },
}
const circular: { self?: unknown } = {}
circular.self = circular
const trap = new Proxy(
  {},
  {
    get: () => {
      throw new Error('no')
    },
    getPrototypeOf: () => {
      throw new Error('no')
    },
    ownKeys: () => {
      throw new Error('no')
    },
  },
)

describe('a report of what was thrown', () => {
  it('holds name, message and frames of an error', () => {
    const report = toErrorReport(new TypeError('wrong'))
    expect(report).toMatchObject({ name: 'TypeError', message: 'wrong' })
    expect(report.stack).toMatch(/^at /)
  })

  it('cuts a message to 4 KiB of UTF-8, between characters', () => {
    const { message } = toErrorReport(new Error('é'.repeat(1_000_000)))
    expect(Buffer.byteLength(message)).toBe(4_096)
    expect(toErrorReport(new Error(`x${'🙂'.repeat(5_000)}`)).message.isWellFormed()).toBe(true)
  })

  it('keeps at most fifty frames, whatever the message looks like', () => {
    const error = new Error('deep')
    error.stack = `Error: deep\n${'    at frame (file.js:1:1)\n'.repeat(500)}`
    expect(toErrorReport(error).stack?.split('\n')).toHaveLength(50)
  })

  it('replaces characters that a store refuses', () => {
    expect(toErrorReport(new Error('a\u0000b\ud800c')).message).toBe('a\uFFFDb\uFFFDc')
  })

  it('says why a fetch failed', async () => {
    const port = await findClosedPort()
    const thrown: unknown = await fetch(`http://127.0.0.1:${port}`).catch((error: unknown) => error)
    expect(toErrorReport(thrown)).toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
      causes: [{ name: 'Error', message: expect.stringContaining(`127.0.0.1:${port}`), code: 'ECONNREFUSED' }],
    })
  })

  it('says what an AggregateError without a message joins', () => {
    const refused = (address: string) => Object.assign(new Error(`refused ${address}`), { code: 'ECONNREFUSED' })
    const joined = Object.assign(new AggregateError([refused('::1'), refused('127.0.0.1')]), { code: 'ECONNREFUSED' })
    expect(toErrorReport(joined)).toMatchObject({
      message: 'refused ::1; refused 127.0.0.1',
      code: 'ECONNREFUSED',
      causes: [{ message: 'refused ::1' }, { message: 'refused 127.0.0.1', code: 'ECONNREFUSED' }],
    })
  })

  it('keeps the whole chain in its order, with codes and the frames of each', () => {
    const root = Object.assign(new RangeError('root'), { code: 7 })
    const chain = new Error('top', {
      cause: new AggregateError([new Error('a', { cause: root }), new Error('b')], 'many'),
    })
    const { causes } = toErrorReport(chain)
    expect(causes?.map(({ message }) => message)).toEqual(['many', 'a', 'root', 'b'])
    expect(causes?.[2]).toMatchObject({ name: 'RangeError', code: '7', stack: expect.stringMatching(/^at /) })
  })

  it('keeps both halves of a suppressed error, and a cause that is no error', () => {
    const suppressed = Object.assign(new Error('both'), { error: new Error('late'), suppressed: new Error('early') })
    expect(toErrorReport(suppressed).causes?.map(({ message }) => message)).toEqual(['late', 'early'])
    expect(toErrorReport(new Error('x', { cause: { status: 500 } })).causes?.[0]?.message).toBe('{"status":500}')
    expect(toErrorReport(new Error('refused: busy', { cause: 'busy' })).causes).toBeUndefined()
  })

  it('bounds the chain in depth, number and bytes, and ends in a circle', () => {
    let deep = new Error('root')
    for (let depth = 0; depth < 100; depth += 1) deep = new Error(`depth ${depth}`, { cause: deep })
    expect(toErrorReport(deep).causes).toHaveLength(5)
    const many = Array.from({ length: 100_000 }, (_, index) => new Error(`${index}`))
    expect(toErrorReport(new AggregateError(many)).causes).toHaveLength(10)
    const large = toErrorReport(new AggregateError(many.map(() => new Error('é'.repeat(100_000)))))
    expect(Buffer.byteLength(JSON.stringify(large.causes))).toBeLessThan(10_000)
    const circle = new Error('circle')
    circle.cause = circle
    expect(toErrorReport(circle).causes).toBeUndefined()
  })

  it('takes only what looks like one for a code', () => {
    const withCode = (code: unknown) => toErrorReport(Object.assign(new Error('x'), { code })).code
    expect(['E_X', 42, 'a sentence of prose', '', {}, 'x'.repeat(65)].map(withCode)).toEqual([
      'E_X',
      '42',
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('crosses from another process whole, and bounded anew', () => {
    const report = toErrorReport(new Error('top', { cause: new Error('root') }))
    expect(parseErrorReport(structuredClone(report))).toEqual(report)
    const forged = { name: 'x', message: 'y', causes: Array.from({ length: 99 }, () => ({ name: 'n', message: 'm' })) }
    expect(parseErrorReport(forged)?.causes).toHaveLength(10)
    expect(parseErrorReport({ name: 'x', message: 'y', causes: 7 })).toEqual({ name: 'x', message: 'y' })
  })

  it.each([
    ['text', 'just text', 'just text'],
    ['undefined', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a plain object', { code: 7 }, '{"code":7}'],
    ['an object without a prototype', Object.assign(Object.create(null), { code: 7 }), '{"code":7}'],
  ])('describes %s', (_, thrown, message) => {
    expect(toErrorReport(thrown).message).toBe(message)
  })

  it.each([
    ['an object whose getters throw', hostile],
    ['an object that refers to itself', circular],
    ['a proxy that throws at everything', trap],
    ['a function', () => {}],
    ['an error whose cause throws at everything', new Error('x', { cause: trap })],
    ['an error that joins what throws at everything', Object.assign(new Error('x'), { errors: [trap, hostile] })],
  ])('survives %s', (_, thrown) => {
    expect(toErrorReport(thrown).message).not.toBe('')
  })
})
