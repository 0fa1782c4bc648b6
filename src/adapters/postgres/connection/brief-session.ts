import type pg from 'pg'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import { type DatabaseAddress, createClient } from './database-address.ts'

export interface BriefSession {
  readonly address: DatabaseAddress
  readonly applicationName: string
  readonly connectDeadlineMs: number
  readonly workDeadlineMs: number
}

/** Connects, does `work` and disconnects. Past `workDeadlineMs` it rejects and the connection is destroyed. */
export const inBriefSession = async <Answer>(
  { address, applicationName, connectDeadlineMs, workDeadlineMs }: BriefSession,
  work: (client: pg.Client) => Promise<Answer>,
): Promise<Answer> => {
  const client = createClient(address, { applicationName, connectDeadlineMs })
  // A connection that is lost emits an error, which would end the process; the work rejects as well.
  client.on('error', () => {})
  await client.connect()
  try {
    return await withDeadline(work(client), workDeadlineMs, () => new Error(`no answer within ${workDeadlineMs} ms`))
  } finally {
    // Not awaited: it destroys the socket of a connection with an unanswered query, but otherwise may hang as a query does.
    client.end().catch(() => {})
  }
}
