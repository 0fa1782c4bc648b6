import type { Incarnation, Run, TaskId } from '#domain/identifiers.ts'

/** The heads that are running, by who runs them. */
export interface RunIndex {
  /** Every incarnation that some head names as running, at most 10,000. Throws StoreUnavailableError. */
  listRunningIncarnations(): Promise<readonly Incarnation[]>

  /** Up to `limit` tasks running under `incarnation`, by task id. Throws StoreUnavailableError. */
  listRuns(incarnation: Incarnation, limit: number): Promise<readonly RunningHead[]>

  /** Those of them of which cancellation was requested, at most 1000. Throws StoreUnavailableError. */
  listCancelling(incarnation: Incarnation): Promise<readonly RunningHead[]>
}

export interface RunningHead {
  readonly taskId: TaskId
  readonly run: Run
}
