import { describe, expect, it } from 'vitest'
import { toErrorReport } from '#adapters/worker/run/error-report.ts'

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
  ])('survives %s', (_, thrown) => {
    expect(toErrorReport(thrown).message).not.toBe('')
  })
})
