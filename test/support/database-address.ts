import type { DatabaseAddress } from '#adapters/postgres/connection/database-address.ts'
import { readDatabaseSettings } from '#adapters/postgres/connection/database-settings.ts'
import { toPlainAddress } from '#adapters/postgres/connection/find-address.ts'

/** The address that a test server's URL names, without TLS. */
export const toAddress = (url: string): DatabaseAddress =>
  toPlainAddress(readDatabaseSettings('the URL of a test', url, { userName: 'nobody', environment: {} }))

/** The URL that other programs reach the same database by. */
export const toUrl = ({ host, port, database, user, password = '' }: DatabaseAddress): string =>
  `postgres://${user}:${password}@${encodeURIComponent(host)}:${port}/${database}`
