import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adoptInstallation } from '#adapters/postgres/events/installation.ts'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { toAddress } from '../../../support/database-address.ts'
import { type PostgresServer, startPostgresServer } from '../../../support/postgres-server.ts'
import { connectPostgresStore } from '../../../support/postgres-store.ts'
import { claimEffect, holdEffect, start } from '../../../support/run-commands.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { appendCommand, submitTo } from '../../../support/task-builders.ts'

let server: PostgresServer
beforeAll(async () => {
  // A commit that is not waited for reaches the disk ten seconds later.
  server = await startPostgresServer({ synchronous_commit: 'off', wal_writer_delay: '10s' })
  await migrate({ address: toAddress(server.url), logger: silentLogger })
})
afterAll(() => server.remove())

const inProcess = async <Answer>(
  work: (process: Awaited<ReturnType<typeof connectPostgresStore>>) => Promise<Answer>,
): Promise<Answer> => {
  const process = await connectPostgresStore(server.url)
  try {
    return await work(process)
  } finally {
    await process.close()
  }
}

const crash = async (): Promise<void> => {
  await server.stop('immediate')
  await server.start()
}

describe('a database with synchronous_commit off that crashes', () => {
  const begin = () =>
    inProcess(async ({ store, routes, partitions }) => {
      await partitions.ensurePartitions((await store.loadStreams([])).now)
      const task = await submitTo({ store, routes })
      return appendCommand(store, task, start(task))
    })

  it('has every claim of an effect, and every result, that was answered before', async () => {
    const task = await begin()
    await inProcess(({ ledger }) => ledger.claim(claimEffect(task)))
    await crash()
    expect(await inProcess(({ ledger }) => ledger.list(task.taskId))).toMatchObject([{ state: 'started' }])
    const completion = { ...holdEffect(task), result: '"sent"' }
    expect(await inProcess(({ ledger }) => ledger.complete(completion))).toBe('completed')
    await crash()
    expect(await inProcess(({ ledger }) => ledger.claim(claimEffect(task)))).toEqual({
      kind: 'completed',
      result: '"sent"',
    })
  })

  it('has every effect in a transaction that was answered before, and what that wrote', async () => {
    const task = await begin()
    const { signal } = new AbortController()
    const claim = { ...holdEffect(task), attempt: 1, input: undefined, signal }
    await inProcess(({ pool }) => pool.query(sql.unsafe`create table written (note text)`))
    await inProcess(({ ledger }) =>
      ledger.transact(claim, async ({ query }) => {
        await query('set local synchronous_commit = off')
        await query(`insert into written values ('a')`)
        return '"done"'
      }),
    )
    await crash()
    const unused = () => expect.unreachable('it has happened')
    expect(await inProcess(({ ledger }) => ledger.transact(claim, unused))).toEqual({
      kind: 'completed',
      result: '"done"',
    })
    expect(await inProcess(({ pool }) => pool.anyFirst(sql.unsafe`select note from written`))).toEqual(['a'])
  })

  it('has the generation of the feed that readers were told', async () => {
    await inProcess(({ pool }) => adoptInstallation({ pool, logger: silentLogger }))
    await inProcess(({ pool }) => pool.query(sql.unsafe`update taskfold.installation set home = 'elsewhere'`))
    await inProcess(({ pool }) => adoptInstallation({ pool, logger: silentLogger }))
    await crash()
    const generation = await inProcess(({ pool }) =>
      pool.oneFirst(sql.unsafe`select generation from taskfold.installation`),
    )
    expect(generation).toBe(1)
  })
})
