import type { createPgDriverFactory } from '@slonik/pg-driver'

type DriverFactory = ReturnType<typeof createPgDriverFactory>

/**
 * Sends every statement without its name, so that nothing is prepared: where a pooler gives each transaction another
 * session, that session does not know the statement, or knows it already. It costs the planning of each.
 */
export const withoutStatementNames =
  (factory: DriverFactory): DriverFactory =>
  async (input) => {
    const driver = await factory(input)
    return {
      createClient: async () => {
        const client = await driver.createClient()
        return { ...client, query: (text, values) => client.query(text, values) }
      },
    }
  }
