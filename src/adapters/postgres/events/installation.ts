import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly logger: Logger
}

/**
 * Notices a database that was restored on another server and begins another epoch of the event feed for it. To be called
 * before anything is appended. Idempotent. Throws StoreUnavailableError.
 */
export const adoptInstallation = async ({ pool, logger }: Deps): Promise<void> => {
  const adopted = await withReadDeadline(
    pool.oneFirst(sql.type(z.object({ adopted: z.boolean() }))`select taskfold.adopt_installation() as adopted`),
  )
  if (adopted)
    logger.warn({}, 'found the database restored elsewhere: positions in the event feed given out before are refused')
}
