import { ConnectionError } from 'slonik'
import { expect, it } from 'vitest'
import { classifyFailure } from '#adapters/postgres/connection/errors.ts'
import { serverError } from '../support/scripted-connection.ts'

it.each([
  ['a value out of range', serverError('22003'), 'content'],
  ['a key that is there', serverError('23505'), 'content'],
  ['a program that is too large', serverError('54000'), 'content'],
  ['a state that nobody knows', serverError('XX999'), 'content'],
  ['a serialization that failed', serverError('40001'), 'again'],
  ['a deadlock', serverError('40P01'), 'again'],
  ['a lock that was not given in time', serverError('55P03'), 'again'],
  ['a broken connection', serverError('08006'), 'unknown'],
  ['a full disk', serverError('53100'), 'unknown'],
  ['a server that shuts down', serverError('57P01'), 'unknown'],
  ['an error of its system', serverError('58030'), 'unknown'],
  ['a server that takes no writes', serverError('25006'), 'not-taken'],
  ['no connection', new ConnectionError('connect ECONNREFUSED'), 'not-taken'],
  ['a pipe that broke', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }), 'unknown'],
  ['the same as the cause of another error', new Error('outer', { cause: serverError('57P02') }), 'unknown'],
  ['what is no error', 'gone', 'unknown'],
] as const)('after %s the fate of a batch is told: $2', (_, error, fate) => {
  expect(classifyFailure(error)).toBe(fate)
})
