import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FromIsolated } from '#adapters/worker/isolation/isolation-messages.ts'
import { parseIsolatedMessage } from '#adapters/worker/isolation/parse-isolated-message.ts'

const error = { name: 'Error', message: 'no' }

const pay = { name: 'pay', input: '[1]' }

const wellFormed: readonly FromIsolated[] = [
  { kind: 'alive' },
  { kind: 'begun' },
  { kind: 'unable', message: 'there is no handler' },
  { kind: 'ended', ending: { kind: 'returned', result: { kind: 'text', text: '{"a":[1,"ü"]}' } } },
  { kind: 'ended', ending: { kind: 'returned', result: { kind: 'not-json', reason: 'a bigint' } } },
  { kind: 'ended', ending: { kind: 'threw', failure: { cause: 'handler-error', error, retryAfterMs: 0 } } },
  {
    kind: 'ended',
    ending: { kind: 'threw', failure: { cause: 'permanent-error', error: { ...error, stack: 'at x' } } },
  },
  { kind: 'log', level: 'warn', fields: { count: 1 }, message: 'said' },
  { kind: 'progress', value: '50' },
  { kind: 'ledger-request', call: 1, request: { kind: 'claim', ...pay, mode: 'idempotent', unfinished: 'take-over' } },
  { kind: 'ledger-request', call: 2, request: { kind: 'claim', ...pay, mode: 'once', unfinished: 'doubt' } },
  { kind: 'ledger-request', call: 4, request: { kind: 'give-back', name: 'pay' } },
  { kind: 'ledger-request', call: 5, request: { kind: 'doubt', name: 'pay' } },
  { kind: 'ledger-request', call: 6, request: { kind: 'transact', name: 'pay', input: 'Map{1n=>NaN}' } },
  { kind: 'ledger-request', call: 7, request: { kind: 'query', transaction: 6, text: 'select $1', values: [1, null] } },
  { kind: 'ledger-request', call: 8, request: { kind: 'returned', transaction: 6, result: '{}' } },
  { kind: 'ledger-request', call: 9, request: { kind: 'threw', transaction: 6 } },
  { kind: 'ledger-request', call: 3, request: { kind: 'complete', name: 'pay', result: 'null' } },
]

const malformed: readonly unknown[] = [
  undefined,
  null,
  'ended',
  { kind: 'toString' },
  { kind: 'unable' },
  { kind: 'ended' },
  { kind: 'ended', ending: { kind: 'crashed', error } },
  { kind: 'ended', ending: { kind: 'returned' } },
  { kind: 'ended', ending: { kind: 'returned', result: { kind: 'text', text: '{' } } },
  { kind: 'ended', ending: { kind: 'threw', failure: { cause: 'worker-lost', error } } },
  { kind: 'ended', ending: { kind: 'threw', failure: { cause: 'handler-error' } } },
  { kind: 'ended', ending: { kind: 'threw', failure: { cause: 'handler-error', error, retryAfterMs: -1 } } },
  { kind: 'log', level: 'child', fields: {}, message: 'said' },
  { kind: 'log', level: 'info', fields: 'none', message: 'said' },
  { kind: 'progress', value: 'not JSON' },
  { kind: 'ledger-request', call: 1 },
  { kind: 'ledger-request', call: '1', request: { kind: 'complete', name: 'pay', result: 'null' } },
  { kind: 'ledger-request', call: 1, request: { kind: 'complete', name: 'x'.repeat(129), result: 'null' } },
  { kind: 'ledger-request', call: 1, request: { kind: 'claim', name: 'pay', mode: 'twice', unfinished: 'doubt' } },
  { kind: 'ledger-request', call: 1, request: { kind: 'claim', name: 'pay', mode: 'once', unfinished: 'repeat' } },
  { kind: 'ledger-request', call: 1, request: { kind: 'claim', name: 'pay', mode: 'tx', unfinished: 'doubt' } },
  { kind: 'ledger-request', call: 1, request: { kind: 'transact', input: undefined } },
  { kind: 'ledger-request', call: 1, request: { kind: 'query', transaction: 6, text: 'select 1', values: 'none' } },
  { kind: 'ledger-request', call: 1, request: { kind: 'query', transaction: '6', text: 'select 1', values: [] } },
  { kind: 'ledger-request', call: 1, request: { kind: 'returned', transaction: 6, result: '{' } },
]

describe('a message from the process of an isolated run', () => {
  it.each(wellFormed)('is taken as it is when it is well-formed: %j', (message) => {
    expect(parseIsolatedMessage(structuredClone(message))).toEqual(message)
  })

  it.each(malformed)('is refused when it is malformed: %j', (message) => {
    expect(parseIsolatedMessage(message)).toBeUndefined()
  })

  it('never makes the parser throw', () => {
    const kinds = fc.constantFrom('unable', 'ended', 'log', 'progress', 'ledger-request')
    const members = { kind: kinds, ending: fc.anything(), request: fc.anything(), call: fc.anything() }
    fc.assert(fc.property(fc.oneof(fc.anything(), fc.record(members)), (body) => void parseIsolatedMessage(body)))
  })

  it('has an error report cut to the limits of one that was made here', () => {
    const long = { name: 'n'.repeat(1_000), message: 'm\u0000'.repeat(10_000), stack: 's'.repeat(100_000) }
    const failure = { cause: 'handler-error', error: long }
    expect(parseIsolatedMessage({ kind: 'ended', ending: { kind: 'threw', failure } })).toMatchObject({
      ending: { failure: { error: { name: 'n'.repeat(256), message: expect.not.stringContaining('\u0000') } } },
    })
  })
})
