import { inBriefSession } from './brief-session.ts'
import { toDatabaseError } from './database-error.ts'

/**
 * - `own`: a connection is one session of the server from beginning to end.
 * - `shared`: a pooler stands between and gives each transaction any session it has, so that nothing may be left in one:
 *   no prepared statement, no setting, no lock.
 */
export type SessionKind = 'own' | 'shared'

const deadlineMs = 10_000

/**
 * What a connection to that URL is. A server names its process when it accepts a connection; a pooler answers with a number
 * of its own, and one in session mode counts as shared, which is slower and never wrong. Throws StartupError.
 */
export const findSessionKind = async (url: string): Promise<SessionKind> => {
  const session = {
    url,
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
    throw toDatabaseError(url, error)
  }
}
