import type { RunIndex } from './run-index.ts'
import type { RunnableIndex } from './runnable-index.ts'
import type { TaskIndex } from './task-index.ts'

/** The three views over the heads of one store. */
export interface Heads {
  readonly index: TaskIndex
  readonly runnable: RunnableIndex
  readonly runs: RunIndex
}
