import { describe, expect, it } from 'vitest'
import { toContext, toVersionCondition } from '#adapters/http/request/request-headers.ts'

describe('the context of a request', () => {
  it('has the reason in its body, else the one in its header', () => {
    const headers = { 'x-reason': 'in the header', 'x-actor': 'ada' }
    expect(toContext(headers, 'in the body')).toEqual({ actor: 'ada', reason: 'in the body' })
    expect(toContext(headers)).toEqual({ actor: 'ada', reason: 'in the header' })
    expect(toContext({})).toEqual({})
  })

  it('has the traceparent only when it is one', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    expect(toContext({ traceparent })).toEqual({ traceparent })
    expect(toContext({ traceparent: 'malformed' })).toEqual({})
  })
})

describe('the condition of a request', () => {
  it.each([
    [undefined, undefined],
    ['*', 'any'],
    ['"3"', [3]],
    ['"3", "4"', [3, 4]],
    ['W/"3", "4"', [4]],
    ['W/"3"', []],
    ['"x"', []],
  ])('of If-Match %j is %j', (value, condition) => {
    expect(toVersionCondition(value === undefined ? {} : { 'if-match': value })).toEqual(condition)
  })

  it.each(['3', '"3', '"3" "4"', ''])('is refused when it is malformed: %j', (value) => {
    expect(() => toVersionCondition({ 'if-match': value })).toThrow('if-match must be like')
  })
})
