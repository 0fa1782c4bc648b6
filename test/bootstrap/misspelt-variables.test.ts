import { describe, expect, test } from 'vitest'
import { listMisspeltVariables } from '#bootstrap/config.ts'

const meantBy = (given: Readonly<Record<string, string>>): readonly string[] =>
  listMisspeltVariables(given).map(({ name, meant }) => `${name}: ${meant}`)

describe('a variable that looks like one of ours', () => {
  test.each([
    ['CONCURENCY', 'CONCURRENCY'],
    ['REDIS_ULR', 'REDIS_URL'],
    ['concurrency', 'CONCURRENCY'],
    ['LEASE-MS', 'LEASE_MS'],
    ['TASKFOLD_CONCURRENCY', 'CONCURRENCY'],
    ['DATA_DIR', 'TASKFOLD_DATA_DIR'],
    ['DATABSE_URL', 'DATABASE_URL'],
  ])('%s is taken for %s', (name, meant) => {
    expect(meantBy({ [name]: 'x' })).toEqual([`${name}: ${meant}`])
  })

  test.each(['PATH', 'HOSTS', 'POST', 'HOME', 'LOG_FILE', 'QUEUE', 'NODE_ENV', 'OTEL_SERVICE_NAME', 'PGHOST', 'SHELL'])(
    '%s is none',
    (name) => {
      expect(meantBy({ [name]: 'x' })).toEqual([])
    },
  )

  test('is not named beside the one that it looks like', () => {
    expect(meantBy({ REDIS_ULR: 'x', REDIS_URL: 'redis://there' })).toEqual([])
  })

  test('may hold a secret, and its value is not told', () => {
    expect(JSON.stringify(listMisspeltVariables({ SMPT_URL: 'hunter2' }))).not.toContain('hunter2')
  })
})
