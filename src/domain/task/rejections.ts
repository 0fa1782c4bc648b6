import type { TaskStatus } from './state.ts'
import type { Instant } from '../time.ts'

/** Why a command was rejected. A rejection is an answer: nothing is thrown and nothing is appended. */
export type Rejection =
  /** No event of this task exists. */
  | { readonly code: 'not-submitted' }
  | { readonly code: 'already-submitted' }
  /** Start: the task is not ready yet. */
  | { readonly code: 'not-due'; readonly readyAt: Instant }
  /** Start: another run is in force, the task has ended, or no attempt is left. */
  | { readonly code: 'not-startable'; readonly status: TaskStatus }
  /** The command's run is not the one in force: its worker is fenced. */
  | { readonly code: 'stale-run'; readonly status: TaskStatus }
  | { readonly code: 'not-retryable'; readonly status: TaskStatus }
  | { readonly code: 'not-cancellable'; readonly status: TaskStatus }
  | { readonly code: 'not-runnable'; readonly status: TaskStatus }
