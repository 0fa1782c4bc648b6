import { changeTask } from '#application/commands/change-task.ts'
import { retryTask } from '#application/commands/person-commands.ts'
import type { IdempotencyLedger, Settlement } from '#application/ports/ledger/idempotency-ledger.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import { loadTask } from '../../../support/task-builders.ts'
import { failureOf, runTask } from './run-task.ts'

type Handle = (context: HandlerContext) => Promise<unknown>
type Wrap = (real: IdempotencyLedger) => IdempotencyLedger

/** A task at work, and what people and recovery do to it. */
export const handleTask = async (handle: Handle, ledger: Wrap = (real) => real) => {
  const { world, client, worker, taskId } = await runTask(handle, { ledger })
  const load = () => loadTask(world.store, taskId)
  return {
    world,
    worker,
    taskId,
    load,
    failure: () => failureOf(world, taskId),
    effects: () => world.ledger.list(taskId),
    cancel: () => changeTask(client.process, { taskId, toCommand: () => ({ type: 'Cancel' }), context: {} }),
    settle: (outcome: Settlement['outcome']) =>
      world.ledger.settle({ taskId, name: 'send', outcome, by: 'ada', reason: undefined }),
    retry: () => retryTask(client.process, { taskId, context: {} }),
  }
}
