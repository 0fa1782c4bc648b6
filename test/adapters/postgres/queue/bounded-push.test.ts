import { type DatabasePool, sql } from 'slonik'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createPostgresPool } from '#adapters/postgres/connection/pool.ts'
import {
  createBoundedPush,
  formatNotification,
  parseNotification,
  toNotificationContent,
} from '#adapters/postgres/queue/bounded-push.ts'
import { toAddress } from '../../../support/database-address.ts'
import { mintTaskId } from '../../../support/ids.ts'
import { createFleet, waitUntil } from '../support/fleet.ts'
import { range } from '../../../support/task-builders.ts'

it('names the routes of a push, each once, and its lowest rank', () => {
  const content = toNotificationContent([4, 3, 4].map((route, place) => ({ route, rank: place - 1 })))
  expect(content).toEqual({ routes: [4, 3], lowestRank: -1 })
  expect(parseNotification(formatNotification(content))).toEqual(content)
})

it('names no routes when they are too many for a notification', () => {
  const content = toNotificationContent(range(701).map((route) => ({ route: 1_000_000_000 + route, rank: 7 })))
  expect(formatNotification(content).length).toBeLessThan(8_000)
  expect(parseNotification(formatNotification(content))).toEqual({ routes: 'all', lowestRank: 7 })
})

it.each(['', '3,14', '3@x', 'x@3', '@'])('takes %j, which no push wrote, for a push of unknown hints', (text) => {
  expect(parseNotification(text)).toEqual({ routes: 'all', lowestRank: Number.NEGATIVE_INFINITY })
})

describe('hints that are pushed again while they wait', () => {
  /** One session, whose statistics come in the order of its transactions. */
  const open = async () => {
    const fleet = await createFleet()
    const { pool } = await fleet.startProcess()
    const session = await createPostgresPool(toAddress(fleet.url), { connectionsMax: 1, queryDeadlineMs: 10_000 })
    return {
      pool,
      push: createBoundedPush(session, 100_000),
      close: async () => {
        await session.end()
        await fleet.close()
      },
    }
  }

  /** Transactions that ended in an error, as the server has counted them so far. */
  const countErrors = (pool: DatabasePool): Promise<number> =>
    pool.oneFirst(sql.type(z.object({ errors: z.int() }))`
      select xact_rollback as errors
      from pg_stat_database
      where datname = current_database()`)

  it('make no error in the log of the database', async () => {
    const { pool, push, close } = await open()
    const hints = range(10).map((rank) => ({ taskId: mintTaskId(), route: 1, rank }))
    await push(hints, 'new')
    const before = await countErrors(pool)
    for (const _ of range(5)) await push(hints, 'again')
    // The only one that meets a hint unawares, and so proves that errors are counted.
    await push(hints, 'new')
    await waitUntil(async () => {
      await push(hints, 'again')
      return (await countErrors(pool)) > before
    })
    expect(await countErrors(pool)).toBe(before + 1)
    await close()
  })
})
