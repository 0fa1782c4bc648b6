import { groupCommitLimits } from '#adapters/postgres/group-commit/group-commit.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate } from '#adapters/postgres/migrate/migrate.ts'
import { type Append, StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { noTask } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../../support/heads.ts'
import { connectPostgresStore } from '../../../support/postgres-store.ts'
import { type PostgresServer, startPostgresServer } from '../../../support/postgres-server.ts'
import { silentLogger } from '../../../support/silent-logger.ts'
import { makeAppend, makeSubmission, range, submit } from '../../../support/task-builders.ts'
import { toAddress } from '../../../support/database-address.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgresServer()
  await migrate({ address: toAddress(server.url), logger: silentLogger })
})
afterAll(async () => {
  await server.remove()
})

type Fate = 'stored' | 'not-stored' | 'unknown'

const toFate = (error: unknown): Fate => {
  if (error instanceof StoreUnavailableError) return error.fate
  if (error instanceof StoreOverloadedError) return 'not-stored'
  throw error
}

describe('a server that crashes while appends are under way', () => {
  it('loses none that was acknowledged and stores none that was refused', async () => {
    const world = await connectPostgresStore(server.url, {
      queryDeadlineMs: 1_500,
      limits: { verdictDeadlineMs: groupCommitLimits.verdictDeadlineMs },
    })
    await world.partitions.ensurePartitions((await world.store.loadStreams([])).now)
    const submission = makeSubmission()
    await world.routes.learn([submission])
    const fates = new Map<Append, Fate>()
    const underWay = Promise.withResolvers<void>()
    const submitSome = async (): Promise<void> => {
      for (const _ of range(40)) {
        const append = makeAppend(noTask, submit(submission))
        const fate = await world.store.append(append).then((): Fate => 'stored', toFate)
        fates.set(append, fate)
        if (fates.size === 100) underWay.resolve()
      }
    }
    const submitters = range(20).map(submitSome)
    await underWay.promise
    await server.stop('immediate')
    await server.start()
    await Promise.all(submitters)

    const appends = [...fates.keys()]
    const { streams } = await world.store.loadStreams(appends.map((append) => append.taskId))
    const storedOf = (fate: Fate) =>
      appends.filter((append) => fates.get(append) === fate).map((append) => streams.has(append.taskId))
    expect(new Set(storedOf('stored'))).toEqual(new Set([true]))
    expect(storedOf('not-stored').filter((stored) => stored)).toEqual([])
    // Asked again under the same append ids, those of unknown fate are stored once.
    const unknown = appends.filter((append) => fates.get(append) === 'unknown')
    const verdicts = await Promise.all(unknown.map((append) => world.store.append(append)))
    expect(verdicts.filter((verdict) => verdict.kind === 'conflict')).toEqual([])
    for (const { taskId } of unknown) expect((await world.store.loadStream(taskId)).events).toHaveLength(1)
    await expectHeadsToEqualFolds(
      world,
      appends.map((append) => append.taskId),
    )
    await world.close()
  })
})
