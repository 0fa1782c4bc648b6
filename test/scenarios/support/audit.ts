import { expect } from 'vitest'
import { createPostgresEventStore } from '#adapters/postgres/events/event-store.ts'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import { createPostgresRoutes } from '#adapters/postgres/heads/routes.ts'
import { createEstimatedStoreClock } from '#adapters/postgres/events/store-clock.ts'
import { createPostgresTaskIndex } from '#adapters/postgres/heads/task-index.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { type EventStore, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { findBreaches } from '../../domain/task/support/legality.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { toAddress } from '../../support/database-address.ts'

export interface Audit {
  readonly tasks: number
  readonly ended: number
  readonly succeeded: number
  readonly events: number
}

/** So few that a page is answered in time by a server that is busy. */
const pageSize = 250
const pagesMax = 40_000

const triesMax = 5

/** A server that is busy may be late a few times; what it says counts the first time. */
const patiently = async <Answer>(read: () => Promise<Answer>): Promise<Answer> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || tries === triesMax) throw error
    }
  }
}

/** By rules that share no code with the domain: a fold takes many a history that no run of the product may leave. */
const expectLegalHistories = async (store: EventStore, taskIds: readonly TaskId[]): Promise<void> => {
  const { streams } = await store.loadStreams(taskIds)
  for (const [taskId, content] of streams) {
    if (content.kind === 'undecodable') throw content.error
    expect(findBreaches(content.events), `the history of ${taskId}`).toEqual([])
  }
}

/**
 * Reads every task of a database, judges and folds its history, and compares its head with the fold. Answers how many there
 * are of each.
 */
export const expectWholeHistory = async (databaseUrl: string): Promise<Audit> => {
  const pool = await createPostgresPool(toAddress(databaseUrl), { connectionsMax: 2, queryDeadlineMs: 10_000 })
  const monotonicMs = (): number => systemClock.monotonicMs()
  const routes = createPostgresRoutes({ pool })
  const store = createPostgresEventStore({
    pool,
    routes,
    storeClock: createEstimatedStoreClock(monotonicMs),
    clock: systemClock,
    timers: systemTimers,
  })
  const index = createPostgresTaskIndex({ pool, routes })
  try {
    let audit: Audit = { tasks: 0, ended: 0, succeeded: 0, events: 0 }
    let before: TaskId | undefined
    for (let page = 0; page < pagesMax; page += 1) {
      const heads = await patiently(async () => {
        const found = await index.listHeads({ limit: pageSize, ...(before && { before }) })
        const taskIds = found.map(({ taskId }) => taskId)
        await expectHeadsToEqualFolds({ store, index }, taskIds)
        await expectLegalHistories(store, taskIds)
        return found
      })
      audit = {
        tasks: audit.tasks + heads.length,
        ended: audit.ended + heads.filter(({ status }) => status !== 'PENDING' && status !== 'PROCESSING').length,
        succeeded: audit.succeeded + heads.filter(({ status }) => status === 'SUCCESS').length,
        events: audit.events + heads.reduce((sum, { version }) => sum + version, 0),
      }
      before = heads.at(-1)?.taskId
      if (heads.length < pageSize) return audit
    }
    throw new RangeError(`more than ${pagesMax * pageSize} tasks`)
  } finally {
    await store.close()
    await pool.end()
  }
}
