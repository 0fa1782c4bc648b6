import pg from 'pg'

/** Looks into the database of a fleet from outside, at what the interface does not count. */
export interface DatabaseWatch {
  /** How many tasks have ended. */
  countEnded(): Promise<number>
  /** How many tasks that could be running have been waiting for longer than `ms`. */
  countOverdue(ms: number): Promise<number>
  /** How many connections there are, by their names, without those of the watch itself. */
  countConnections(): Promise<Readonly<Record<string, number>>>
  readonly query: (
    statement: string,
    values?: readonly unknown[],
  ) => Promise<readonly Readonly<Record<string, unknown>>[]>
  close(): Promise<void>
}

export const openDatabaseWatch = async (url: string): Promise<DatabaseWatch> => {
  const client = new pg.Client({ connectionString: url, application_name: 'a watch', query_timeout: 300_000 })
  client.on('error', () => {})
  await client.connect()
  const count = async (statement: string, values: readonly unknown[] = []): Promise<number> => {
    const { rows } = await client.query<{ count: string }>(statement, [...values])
    return Number(rows[0]?.count)
  }
  return {
    countEnded: () => count(`select count(*) from taskfold.tasks where status not in ('PENDING', 'PROCESSING')`),
    countOverdue: (ms) =>
      count(
        `select count(*) from taskfold.tasks where ready_at < clock_timestamp() - $1::float8 * interval '1 millisecond'`,
        [ms],
      ),
    countConnections: async () => {
      const { rows } = await client.query<{ name: string; count: number }>(
        `select application_name as name, count(*)::int as count
         from pg_stat_activity
         where datname = current_database() and application_name <> 'a watch'
         group by 1
         order by 1`,
      )
      return Object.fromEntries(rows.map(({ name, count: connections }) => [name, connections]))
    },
    query: async (statement, values = []) =>
      (await client.query<Readonly<Record<string, unknown>>>(statement, [...values])).rows,
    close: () => client.end(),
  }
}
