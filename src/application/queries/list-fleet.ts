import type { QueueSummary, TaskIndex } from '../ports/heads/task-index.ts'
import type { WorkerRegistry, WorkerRow } from '../ports/workers/worker-registry.ts'

/** A page of a list that is in order of a key. */
export interface KeyedPage<Item> {
  readonly items: readonly Item[]
  /** The key after which the next page begins; undefined after the last page. */
  readonly next: string | undefined
}

/** One page of the queues in order of name; 1 ≤ `limit` ≤ 1000. Throws StoreUnavailableError. */
export const listQueues = async (
  index: Pick<TaskIndex, 'summarizeQueues'>,
  limit: number,
  after: string | undefined,
): Promise<KeyedPage<QueueSummary>> =>
  toPage(await index.summarizeQueues(after, limit + 1), limit, ({ queue }) => queue)

/**
 * One page of the workers in order of id, without ended incarnations. There are as many rows as the fleet has workers, and
 * every sweeper reads them all. Throws StoreUnavailableError.
 */
export const listWorkers = async (
  registry: Pick<WorkerRegistry, 'readAll'>,
  limit: number,
  after: string | undefined,
): Promise<KeyedPage<WorkerRow>> => {
  const rows = (await registry.readAll())
    .filter(({ state, incarnation }) => state !== 'ended' && (after === undefined || incarnation > after))
    .toSorted((a, b) => (a.incarnation < b.incarnation ? -1 : 1))
  return toPage(rows, limit, ({ incarnation }) => incarnation)
}

const toPage = <Item>(found: readonly Item[], limit: number, keyOf: (item: Item) => string): KeyedPage<Item> => {
  const items = found.slice(0, limit)
  const last = found.length > limit ? items.at(-1) : undefined
  return { items, next: last && keyOf(last) }
}
