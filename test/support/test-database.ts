import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** A database of one test file's own, empty, encoded in UTF-8 and sorted by code point. */
export interface TestDatabase {
  readonly url: string
  readonly name: string
  /** Removes it, whoever is still connected. */
  close(): Promise<void>
}

/** Makes a database with a random name in the server that the tests share. The caller closes it. */
export const createTestDatabase = async (): Promise<TestDatabase> => createDatabaseIn(inject('postgresUrl'))

/** The same in the server of that URL. */
const createDatabaseIn = async (serverUrl: string): Promise<TestDatabase> => {
  const name = `taskfold_test_${randomBytes(8).toString('hex')}`
  await execute(serverUrl, `create database ${name} encoding 'UTF8' locale 'C' template template0`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return { url: url.href, name, close: () => execute(serverUrl, `drop database if exists ${name} with (force)`) }
}

const execute = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 30_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
