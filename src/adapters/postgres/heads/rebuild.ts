import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import { foldStream } from '#application/runs/fold-stream.ts'
import { loadInParts } from '#application/runs/load-in-parts.ts'
import { parseTaskId, type TaskId } from '#domain/identifiers.ts'
import { type Head, toHead } from '#domain/task/head.ts'
import { repairHeads } from './head-rows.ts'
import { withReadDeadline } from '../connection/read-deadline.ts'
import type { PostgresRoutes } from './routes.ts'

interface Deps {
  readonly pool: DatabasePool
  readonly routes: PostgresRoutes
  readonly store: Pick<EventStore, 'loadOutlines'>
  readonly logger: Logger
}

export interface RebuildReport {
  /** How many streams were read. */
  readonly streams: number
  /** Heads that differed from the fold of their events, or were missing. */
  readonly repaired: number
  /** Heads of streams that do not exist. */
  readonly removed: number
  /** Streams that this release cannot read; their heads stay as they are. */
  readonly unreadable: number
}

const streamsPerBatch = 500

/**
 * Writes the head of every task anew from its events, batch by batch up the task ids, and removes heads without events.
 *
 * May run beside the work of a fleet: a head whose stream moves meanwhile is left to the append that moves it. Running it
 * again changes nothing. Throws StoreUnavailableError; what was repaired by then stays repaired.
 */
export const rebuildHeads = async (deps: Deps): Promise<RebuildReport> => {
  const report = { streams: 0, repaired: 0, removed: 0, unreadable: 0 }
  let after: TaskId | undefined
  // Ends because ids only rise, and the heads of tasks submitted meanwhile need no repair.
  for (;;) {
    const taskIds = await readTaskIds(deps.pool, after)
    const last = taskIds.length < streamsPerBatch ? undefined : taskIds.at(-1)
    const heads = await foldHeads(deps, taskIds)
    if (heads.length > 0) report.repaired += (await repairHeads({ pool: deps.pool, routes: deps.routes }, heads)).length
    report.removed += await removeOrphans(deps.pool, after, last)
    report.streams += taskIds.length
    report.unreadable += taskIds.length - heads.length
    if (last === undefined) return report
    after = last
  }
}

const readTaskIds = async (pool: DatabasePool, after: TaskId | undefined): Promise<readonly TaskId[]> => {
  const taskIds = await withReadDeadline(
    pool.anyFirst(sql.type(z.object({ task_id: z.string() }))`
      select task_id
      from taskfold.events
      where version = 1
      and task_id > ${after ?? lowestId}::uuid
      order by task_id
      limit ${streamsPerBatch}`),
  )
  return taskIds.map(parseTaskId)
}

const lowestId = '00000000-0000-0000-0000-000000000000'

const foldHeads = async ({ store, logger }: Deps, taskIds: readonly TaskId[]): Promise<readonly Head[]> => {
  const heads: Head[] = []
  await loadInParts({ load: (ids) => store.loadOutlines(ids), logger }, taskIds, ({ streams }, part) => {
    for (const taskId of part) {
      const read = foldStream(streams.get(taskId))
      if (read.kind === 'task') heads.push(toHead(read.task))
      if (read.kind === 'unreadable') {
        logger.error({ taskId, err: read.error }, 'left a head as it was: its stream could not be read')
      }
    }
  })
  return heads
}

/** An append writes events and head in one transaction, so no head is visible before its events. */
const removeOrphans = async (
  pool: DatabasePool,
  after: TaskId | undefined,
  last: TaskId | undefined,
): Promise<number> => {
  const { rowCount } = await withReadDeadline(
    pool.query(sql.unsafe`
      delete from taskfold.tasks h
      where h.task_id > ${after ?? lowestId}::uuid
      and (${last ?? null}::uuid is null or h.task_id <= ${last ?? null}::uuid)
      and not exists (
        select
        from taskfold.events e
        where e.task_id = h.task_id)`),
  )
  return rowCount
}
