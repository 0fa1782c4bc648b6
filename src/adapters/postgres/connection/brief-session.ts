import pg from 'pg'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'

export interface BriefSession {
  readonly url: string
  readonly applicationName: string
  readonly connectDeadlineMs: number
  readonly workDeadlineMs: number
}

/** Connects, does `work` and leaves. Past its deadline the connection is destroyed, and whatever hangs rejects. */
export const inBriefSession = async <Answer>(
  { url, applicationName, connectDeadlineMs, workDeadlineMs }: BriefSession,
  work: (client: pg.Client) => Promise<Answer>,
): Promise<Answer> => {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectDeadlineMs,
    keepAlive: true,
  })
  // A server that goes away says so here as well; the work rejects by itself.
  client.on('error', () => {})
  await client.connect()
  try {
    return await withDeadline(work(client), workDeadlineMs, () => new Error(`no answer within ${workDeadlineMs} ms`))
  } finally {
    // Of a connection with an unanswered query this destroys the socket; a polite farewell may hang as the query did.
    client.end().catch(() => {})
  }
}
