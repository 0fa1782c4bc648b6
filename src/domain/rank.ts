import type { Instant } from './time.ts'

/** The head start that one point of priority gives: a minute. */
export const priorityHeadStartMs = 60_000

/**
 * The number that orders a queue, lower first; equal ranks are ordered by task id, and so by age.
 *
 * Urgent tasks go first and none starves: a task that has waited long enough goes before any priority.
 */
export const rankOf = (readyAt: Instant, priority: number): number => readyAt - priority * priorityHeadStartMs

/** Orders (rank, id) pairs as every queue does: negative when `a` goes first. */
export const compareRanked = (
  a: { readonly rank: number; readonly taskId: string },
  b: { readonly rank: number; readonly taskId: string },
): number => a.rank - b.rank || (a.taskId < b.taskId ? -1 : Number(a.taskId > b.taskId))
