import type { IdempotencyLedger } from '#application/ports/ledger/idempotency-ledger.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import type { ProgressWriter } from '#application/runs/progress-writer.ts'
import type { RunningTask } from '#domain/task/state.ts'
import type { HandlerEnding } from '../run/handler-ending.ts'

/** Runs handlers where they can take nobody with them. */
export interface Isolation {
  /** How many more runs may begin now. */
  freeCount(): number
  /**
   * One attempt in a process of its own. Whatever kills that process ends as `crashed`; when it could not even begin the
   * handler it `threw`, for which nobody blames the task. When the signal has aborted it is killed after its grace.
   * Never rejects.
   */
  run(request: IsolatedRequest): Promise<HandlerEnding>
  /** Kills what still runs, and resolves when it is gone. */
  close(): Promise<void>
}

export interface IsolatedRequest {
  readonly task: RunningTask
  /** Of which the process gets a copy; what it asks of it is done here. */
  readonly context: HandlerContext
  readonly ledger: IdempotencyLedger
  readonly progress: ProgressWriter
  /** The handler is about to begin: what went before was the process's own start. */
  readonly onBegun: () => void
}

/** How long a process may take until its handler begins: it loads the modules of all handlers first. */
export const preparationMsMax = 60_000
