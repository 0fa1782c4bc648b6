import { describe, expect, it } from 'vitest'
import { classifyFailure } from '#adapters/postgres/connection/errors.ts'
import { toOutage } from '#adapters/postgres/connection/outage.ts'

/** As the drivers hand on what the server answers. */
const serverError = (code: string): Error =>
  new Error('the query failed', { cause: Object.assign(new Error('secret'), { code, severity: 'ERROR' }) })

describe('an outage is told as what it is', () => {
  it.each([
    ['25006', 'read-only', 'Postgres is read-only and takes no writes'],
    ['53100', 'silent', 'Postgres has no disk space left'],
    ['53300', 'silent', 'Postgres has no connection left'],
    ['57P01', 'silent', 'Postgres is being shut down'],
    ['57014', 'silent', 'Postgres did not answer'],
    ['58030', 'silent', 'Postgres gave no service (SQLSTATE 58030)'],
  ])('SQLSTATE %s', (code, state, message) => {
    expect(toOutage(serverError(code), 'not-stored')).toMatchObject({ code: 'store-unavailable', state, message })
  })

  it('and a lost connection as no answer', () => {
    const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    expect(toOutage(lost, 'unknown')).toMatchObject({ state: 'silent', message: 'Postgres did not answer' })
  })
})

it('what a read-only server refuses was not stored', () => {
  expect(classifyFailure(serverError('25006'))).toBe('not-taken')
})
