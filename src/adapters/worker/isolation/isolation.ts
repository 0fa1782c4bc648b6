import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { RunningTask } from '#domain/task/state.ts'
import type { HandlerEnding } from '../run/handler-ending.ts'

/** Runs handlers in processes of their own, where a handler that kills its process ends no other run. */
export interface Isolation {
  /** How many more runs may begin now. */
  freeCount(): number
  /**
   * Runs one attempt in a process of its own. Ends as `crashed` when that process dies, and as `threw` when it could not
   * begin the handler, which says nothing about the task. Once the signal has aborted, the process is killed after the
   * handler's grace. Never rejects.
   */
  run(request: IsolatedRequest): Promise<HandlerEnding>
  /** Kills what still runs, and resolves when it is gone. */
  close(): Promise<void>
}

export interface IsolatedRequest {
  readonly task: RunningTask
  /** The process has a stand-in for it; log lines, progress and the abort go through this one. */
  readonly context: HandlerContext
  /** Asked for the effects of the run. */
  readonly ledger: IdempotencyLedger
  /** Called when the handler is about to begin: the time before was the start of its process. */
  readonly onBegun: () => void
}

/** How long a process may take until its handler begins: it loads the modules of all handlers first. */
export const preparationMsMax = 60_000
