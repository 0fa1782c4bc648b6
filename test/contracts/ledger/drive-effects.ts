import type { EffectClaim, HeldEffect, IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { Task } from '#domain/task/state.ts'
import type { ContractWorld } from '../../support/contract-world.ts'
import type { Notes } from '../../support/memory-notes.ts'
import { claimEffect, fail, holdEffect, start } from '../../support/run-commands.ts'
import { appendCommand, submitTo } from '../../support/task-builders.ts'

export interface IdempotencyLedgerWorld extends ContractWorld {
  readonly store: EventStore
  readonly routes: Routes
  readonly ledger: IdempotencyLedger
  readonly notes: Notes
}

/** How the handlers of each mode claim. */
export const once = { mode: 'once', unfinished: 'doubt' } as const
export const verify = { mode: 'verify', unfinished: 'take-over' } as const

/** What the runs of tasks do in these suites. */
export const driveEffects = (world: () => IdempotencyLedgerWorld) => {
  const begin = async (task?: Task): Promise<Task> => {
    const pending = task ?? (await submitTo(world()))
    return appendCommand(world().store, pending, start(pending))
  }
  const listOf = (task: Task) => world().ledger.list(task.taskId)
  return {
    begin,
    /** Fails the run in force and starts the next. */
    beginAgain: async (task: Task): Promise<Task> => begin(await appendCommand(world().store, task, fail(task))),
    claim: (task: Task, differences: Partial<EffectClaim> = {}) => world().ledger.claim(claimEffect(task, differences)),
    complete: (task: Task, result: string, more: Partial<HeldEffect> = {}) =>
      world().ledger.complete({ ...holdEffect(task), result, ...more }),
    giveBack: (task: Task) => world().ledger.giveBack(holdEffect(task)),
    doubt: (task: Task) => world().ledger.doubt(holdEffect(task)),
    listOf,
    stateOf: async (task: Task) => (await listOf(task)).find(({ name }) => name === 'send')?.state,
  }
}
