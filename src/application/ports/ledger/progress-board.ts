import type { Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'

/** How far tasks say they have come: the last word of each, for people to look at. It is no history and may be lost. */
export interface ProgressBoard {
  /** Writes up to 1000 words, at most one a task. One of a lower run than is there is dropped. Throws StoreUnavailableError. */
  write(reports: readonly ProgressReport[]): Promise<void>

  /** The last word of a task, or undefined when there is none. Throws StoreUnavailableError. */
  find(taskId: TaskId): Promise<ProgressReport | undefined>
}

export interface ProgressReport {
  readonly taskId: TaskId
  readonly run: Run
  readonly value: JsonText
}
