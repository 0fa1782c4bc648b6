import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'
import { type HttpAnswer, inCommon, readExchanges, typeCurl } from './support/documented.ts'
import { killAllProcesses, startTaskfold, type TaskfoldProcess } from './support/process.ts'

const exchanges = readExchanges(await readFile(join(import.meta.dirname, '../../docs/api.md'), 'utf8'))

let database: TestDatabase
let taskfold: TaskfoldProcess
beforeAll(async () => {
  database = await createTestDatabase()
  taskfold = await startTaskfold({ env: { DATABASE_URL: database.url, HANDLERS: 'examples' } })
}, 60_000)
afterAll(async () => {
  await killAllProcesses()
  await database.close()
})

/** What the document calls `$id` and `$cursor`. */
const variables: Record<string, string> = {}
const remember = (command: string, { status, body }: HttpAnswer): void => {
  const answered: { readonly id?: string; readonly nextCursor?: string | null } = body.startsWith('{')
    ? JSON.parse(body)
    : {}
  if (status === 202 && command.includes('/api/tasks ') && answered.id !== undefined) variables['id'] = answered.id
  if (typeof answered.nextCursor === 'string') variables['cursor'] = answered.nextCursor
}

const isJson = (text: string): boolean => text.startsWith('{')
/** Of a stream the names of its fields, in order; comments come at any time. */
const fieldsOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(':'))
    .map((line) => line.replace(/:.*/, ''))

describe('docs/api.md, typed from its beginning to its end', () => {
  test('shows many requests', () => {
    expect(exchanges.length).toBeGreaterThan(30)
  })

  // In order, because each goes on where those before it have led.
  test.each(exchanges)('$command', { timeout: 60_000 }, async ({ command, shown }) => {
    const real = await typeCurl(command, taskfold.url, variables)
    remember(command, real)

    expect(real.status, real.body).toBe(shown.status)
    const headers = inCommon(shown.headers, real.headers)
    expect(headers.real).toEqual(headers.shown)
    expect(isJson(real.body)).toBe(isJson(shown.body))
    if (isJson(shown.body)) {
      const body = inCommon(JSON.parse(shown.body), JSON.parse(real.body))
      expect(body.real).toEqual(body.shown)
    } else {
      const fields = fieldsOf(shown.body)
      expect(fieldsOf(real.body).slice(0, fields.length)).toEqual(fields)
    }
  })
})
