import type { TaskStatus } from './state.ts'
import type { Instant } from '../time.ts'

/** Why a command was refused. A refusal is an answer, not a breakdown: nothing is thrown and nothing is written. */
export type Rejection =
  /** No event of this task exists. */
  | { readonly code: 'not-submitted' }
  | { readonly code: 'already-submitted' }
  /** Start: the instant it becomes ready lies ahead. */
  | { readonly code: 'not-due'; readonly readyAt: Instant }
  /** Start: another run is in force, or the task has ended. */
  | { readonly code: 'not-startable'; readonly status: TaskStatus }
  /** The run named by the command is no longer, or not yet, the one in force: its worker is fenced. */
  | { readonly code: 'stale-run'; readonly status: TaskStatus }
  | { readonly code: 'not-retryable'; readonly status: TaskStatus }
  | { readonly code: 'not-cancellable'; readonly status: TaskStatus }
  | { readonly code: 'not-runnable'; readonly status: TaskStatus }
