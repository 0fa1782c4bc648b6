import type { DatabaseAddress } from './database-address.ts'
import { inBriefSession } from './brief-session.ts'
import { toDatabaseError } from './database-error.ts'

/**
 * - `own`: a connection is one session of the server from beginning to end.
 * - `shared`: a pooler gives each transaction any session that it has, so that nothing may be left in a session: no prepared
 *   statement, no setting, no lock.
 */
export type SessionKind = 'own' | 'shared'

const deadlineMs = 10_000

/**
 * Whether connections to that address are sessions of their own. A server names its process when it accepts a connection, a
 * pooler a number of its own. So a pooler in session mode counts as shared too, which is slower but safe. Throws StartupError.
 */
export const findSessionKind = async (address: DatabaseAddress): Promise<SessionKind> => {
  const session = {
    address,
    applicationName: 'taskfold start',
    connectDeadlineMs: deadlineMs,
    workDeadlineMs: deadlineMs,
  }
  try {
    return await inBriefSession(session, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      return 'processID' in client && client.processID === rows[0]?.pid ? 'own' : 'shared'
    })
  } catch (error) {
    throw toDatabaseError(address, error)
  }
}
