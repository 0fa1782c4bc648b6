import type { Instant } from './time.ts'

/** What one point of priority is worth: a minute's head start. */
export const priorityHeadStartMs = 60_000

/**
 * The one number that orders a queue, lower first; equal ranks go by task id, which is by age.
 *
 * Urgent work goes first and nothing starves: a task that has waited long enough passes any priority.
 */
export const rankOf = (readyAt: Instant, priority: number): number => readyAt - priority * priorityHeadStartMs

/** Orders (rank, id) pairs the way every queue does: negative when `a` goes first. */
export const compareRanked = (
  a: { readonly rank: number; readonly taskId: string },
  b: { readonly rank: number; readonly taskId: string },
): number => a.rank - b.rank || (a.taskId < b.taskId ? -1 : Number(a.taskId > b.taskId))
