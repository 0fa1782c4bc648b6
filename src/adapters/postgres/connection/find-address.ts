import { setTimeout as sleep } from 'node:timers/promises'
import { backOffMs } from '#application/mechanisms/back-off.ts'
import { DatabaseUnreachableError, type StartupError } from '#application/diagnosis/startup-error.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { inBriefSession } from './brief-session.ts'
import { type DatabaseAddress, findAddresses, settleAddress } from './database-address.ts'
import { toDatabaseError } from './database-error.ts'
import type { DatabaseSettings } from './database-settings.ts'

interface Options {
  readonly logger: Logger
  /** How long to wait for a server that is not up yet; 0: not at all. */
  readonly waitMs: number
  /** Whether nobody waits for the answer any more. */
  readonly isOver: () => boolean
}

const deadlineMs = 10_000

/**
 * The address of a database that answers, found with one connection: settings that leave TLS open are settled by it, once for
 * all connections of the process.
 *
 * Waits for a server that is not up yet, and says so once. Throws StartupError, at once for what waiting does not cure: a
 * refusal, a certificate, a file that cannot be read.
 */
export const findDatabaseAddress = async (
  settings: DatabaseSettings,
  { logger, waitMs, isOver }: Options,
): Promise<DatabaseAddress> => {
  const endsAtMs = performance.now() + waitMs
  for (let failures = 0; ; failures += 1) {
    try {
      return await settle(settings)
    } catch (error) {
      const failure = toDatabaseError(settings, error)
      const leftMs = endsAtMs - performance.now()
      if (!(failure instanceof DatabaseUnreachableError) || leftMs <= 0 || isOver()) throw failure
      if (failures === 0) logger.info({ why: failure.message, waitMs }, 'waits for the database')
      await sleep(Math.min(leftMs, backOffMs(failures, Math.random())))
    }
  }
}

/** As `findDatabaseAddress`, but for whoever only examines: what does not answer has an address all the same. */
export const findAddressToExamine = async (settings: DatabaseSettings): Promise<DatabaseAddress | StartupError> => {
  try {
    const addresses = await findAddresses(settings)
    return await settle(settings).catch((error: unknown) => addresses.at(-1) ?? toDatabaseError(settings, error))
  } catch (error) {
    return toDatabaseError(settings, error)
  }
}

const settle = (settings: DatabaseSettings): Promise<DatabaseAddress> =>
  settleAddress(settings, async (address) => {
    const session = {
      address,
      applicationName: 'taskfold start',
      connectDeadlineMs: deadlineMs,
      workDeadlineMs: deadlineMs,
    }
    await inBriefSession(session, () => Promise.resolve())
  })

/** An address on this machine without TLS, such as that of the embedded server. */
export const toPlainAddress = (settings: DatabaseSettings): DatabaseAddress => {
  const { host, certificateHost, port, database, user, password, options, applicationName, connectTimeoutMs } = settings
  return {
    host,
    certificateHost,
    port,
    database,
    user,
    password,
    options,
    applicationName,
    connectTimeoutMs,
    tls: undefined,
  }
}
