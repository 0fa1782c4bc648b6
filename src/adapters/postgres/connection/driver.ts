import { createPgDriverFactory } from '@slonik/pg-driver'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'
import type { SessionKind } from './session-kind.ts'

type DriverFactory = ReturnType<typeof createPgDriverFactory>
type Driver = Awaited<ReturnType<DriverFactory>>
type DriverClient = Awaited<ReturnType<Driver['createClient']>>
type Query = DriverClient['query']

/** What is asked over a new connection before it is used. A connection is given up when it throws. */
export type OnConnect = (query: (statement: string) => ReturnType<Query>) => Promise<void>

/** The driver of `pg` for such sessions, with a deadline on every query. */
export const createDriverFactory = (
  sessions: SessionKind,
  queryDeadlineMs: number,
  onConnect: OnConnect | undefined,
): DriverFactory => {
  const factory = createPgDriverFactory()
  const timed = withQueryDeadline(sessions === 'shared' ? withoutStatementNames(factory) : factory, queryDeadlineMs)
  return onConnect === undefined ? timed : withFirstQuery(timed, onConnect)
}

const withFirstQuery =
  (factory: DriverFactory, onConnect: OnConnect): DriverFactory =>
  async (input) => {
    const driver = await factory(input)
    return {
      createClient: async () => {
        const client = await driver.createClient()
        client.acquire()
        try {
          await onConnect((statement) => client.query(statement))
          await client.release()
        } catch (error) {
          await client.destroy().catch(() => {})
          throw error
        }
        return client
      },
    }
  }

/** Rejects a query that got no answer within `deadlineMs` and destroys its connection: its fate is unknown. */
const withQueryDeadline = (factory: DriverFactory, deadlineMs: number): DriverFactory =>
  withQuery(factory, (client) => {
    const destroyLate = (): Error => {
      client.destroy().catch(() => {})
      return new Error(`no answer from Postgres within ${deadlineMs} ms`)
    }
    return (...query) => withDeadline(client.query(...query), deadlineMs, destroyLate)
  })

/**
 * Sends every statement without its name, so that the server prepares none: where a pooler gives each transaction another
 * session, that session does not know the statement, or knows it already. The price is that each statement is planned anew.
 */
const withoutStatementNames = (factory: DriverFactory): DriverFactory =>
  withQuery(factory, (client) => (text, values) => client.query(text, values))

/** The same driver, whose clients query by what `toQuery` makes for each of them. */
const withQuery =
  (factory: DriverFactory, toQuery: (client: DriverClient) => Query): DriverFactory =>
  async (input) => {
    const driver = await factory(input)
    return {
      createClient: async () => {
        const client = await driver.createClient()
        return replaceQuery(client, toQuery(client))
      },
    }
  }

const replaceQuery = (client: DriverClient, query: Query): DriverClient => ({
  acquire: client.acquire,
  destroy: client.destroy,
  id: client.id,
  off: client.off,
  on: client.on,
  query,
  release: client.release,
  removeListener: client.removeListener,
  state: client.state,
  stream: client.stream,
})
