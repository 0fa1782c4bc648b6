import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createMemoryWorld, type MemoryWorld } from '../../../support/memory-world.ts'
import { loadTask } from '../../../support/task-builders.ts'
import { createClient, startWorker } from '../../../support/test-worker.ts'

/** Runs one task by a handler that is given the payload `null`, with a back-off of a second. */
export const runTask = async (
  handle: (context: HandlerContext) => Promise<unknown>,
  { ledger = (real) => real }: { readonly ledger?: (real: IdempotencyLedger) => IdempotencyLedger } = {},
) => {
  const world = createMemoryWorld()
  const client = createClient(world)
  const { worker } = await startWorker(
    world,
    { work: async (_payload, context) => handle(context) },
    { deps: { ledger: ledger(world.ledger) } },
  )
  const retry = { strategy: 'fixed', baseMs: 1_000, maxMs: 1_000, jitter: 'none' } as const
  const taskId = await client.submit({ maxAttempts: 3, retry })
  return { world, client, worker, taskId }
}

/** Undefined when no attempt of the task has failed. */
export const failureOf = async (world: MemoryWorld, taskId: TaskId) =>
  (await loadTask(world.store, taskId)).facts.lastFailure
