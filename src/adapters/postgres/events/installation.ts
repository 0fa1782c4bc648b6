import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly logger: Logger
}

/**
 * Makes sure that the database knows where it is. One that was restored elsewhere begins another generation of the event
 * feed: to be called before anything is appended. Idempotent. Throws StoreUnavailableError.
 */
export const adoptInstallation = async ({ pool, logger }: Deps): Promise<void> => {
  const adopted = await withReadDeadline(
    pool.oneFirst(sql.type(z.object({ adopted: z.boolean() }))`select taskfold.adopt_installation() as adopted`),
  )
  if (adopted)
    logger.warn({}, 'found the database restored elsewhere: positions in the event feed given out before are refused')
}
