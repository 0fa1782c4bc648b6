import type { Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'

/** The latest progress report of each task, for people. It is no history and may be lost. */
export interface ProgressBoard {
  /**
   * Writes up to 1000 reports, at most one a task. A report of a lower run than the stored one is dropped. Throws
   * StoreUnavailableError.
   */
  write(reports: readonly ProgressReport[]): Promise<void>

  /** The latest report of a task, or undefined when there is none. Throws StoreUnavailableError. */
  find(taskId: TaskId): Promise<ProgressReport | undefined>
}

export interface ProgressReport {
  readonly taskId: TaskId
  readonly run: Run
  readonly value: JsonText
}
