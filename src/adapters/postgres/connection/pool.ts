import { createPool, type DatabasePool } from 'slonik'
import { type DatabaseAddress, toSlonikUrl, toTlsOptions } from './database-address.ts'
import { toDatabaseError } from './database-error.ts'
import { createDriverFactory, type OnConnect } from './driver.ts'
import type { SessionKind } from './session-kind.ts'

export interface PoolOptions {
  readonly connectionsMax: number
  /** After this a query counts as unanswered, and its connection is destroyed. */
  readonly queryDeadlineMs: number
  /** `own` unless said otherwise. */
  readonly sessions?: SessionKind
  /** Asks over each new connection before it is used. */
  readonly onConnect?: OnConnect
}

const connectDeadlineMs = 1_000

/**
 * A slonik pool as this product needs it: no round trip to reset connections (nothing is kept in a session), a deadline
 * on every query, no retries of its own, big integers as numbers (none here exceeds 2^53).
 *
 * slonik makes one connection at once, to learn the numbers of the types. Throws StartupError when it cannot.
 */
export const createPostgresPool = (address: DatabaseAddress, options: PoolOptions): Promise<DatabasePool> =>
  openPool(address, options).catch((error: unknown) => {
    throw toDatabaseError(address, error)
  })

const openPool = (address: DatabaseAddress, options: PoolOptions): Promise<DatabasePool> =>
  createPool(toSlonikUrl(address, { applicationName: 'taskfold query' }), {
    ...(address.tls !== undefined && { ssl: toTlsOptions(address.certificateHost, address.tls) }),
    driverFactory: createDriverFactory(options.sessions ?? 'own', options.queryDeadlineMs, options.onConnect),
    maxPoolSize: options.connectionsMax,
    connectionTimeout: connectDeadlineMs,
    connectionRetryLimit: 0,
    queryRetryLimit: 0,
    transactionRetryLimit: 0,
    gracefulTerminationTimeout: 200,
    idleTimeout: 'DISABLE_TIMEOUT',
    maximumConnectionAge: 'DISABLE_TIMEOUT',
    ...toSessionTimeouts(options),
    resetConnection: () => Promise.resolve(),
    dangerouslyAllowForeignConnections: true,
    typeParsers: [{ name: 'int8', parse: Number }],
  })

/** A pooler refuses a connection that asks for settings of its own, and has such limits itself. */
const toSessionTimeouts = ({ sessions, queryDeadlineMs }: PoolOptions) =>
  sessions === 'shared'
    ? ({ statementTimeout: 'DISABLE_TIMEOUT', idleInTransactionSessionTimeout: 'DISABLE_TIMEOUT' } as const)
    : { statementTimeout: queryDeadlineMs, idleInTransactionSessionTimeout: 5_000 }
