import type { Incarnation, Run, TaskId } from '#domain/identifiers.ts'

/** The heads that are running, by the incarnation that runs them. */
export interface RunIndex {
  /** The incarnations that heads name as running, each once, at most 10,000. Throws StoreUnavailableError. */
  listRunningIncarnations(): Promise<readonly Incarnation[]>

  /** Up to `limit` tasks running under `incarnation`, in order of task id. Throws StoreUnavailableError. */
  listRuns(incarnation: Incarnation, limit: number): Promise<readonly RunningHead[]>

  /** The tasks running under `incarnation` whose cancellation was requested, at most 1000. Throws StoreUnavailableError. */
  listCancelling(incarnation: Incarnation): Promise<readonly RunningHead[]>
}

export interface RunningHead {
  readonly taskId: TaskId
  readonly run: Run
}
