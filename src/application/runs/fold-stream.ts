import { fold, IllegalHistoryError } from '#domain/task/evolve.ts'
import type { Task } from '#domain/task/state.ts'
import { type StreamContent, UndecodableStreamError } from '../ports/events/event-store.ts'

export type FoldedStream =
  | { readonly kind: 'task'; readonly task: Task }
  | { readonly kind: 'none' }
  /** Written by a later release, or damaged. */
  | { readonly kind: 'unreadable'; readonly error: UndecodableStreamError | IllegalHistoryError }

/** Whether an error says that the history of one task cannot be read, which no repetition changes. */
export const isUnreadable = (error: unknown): error is UndecodableStreamError | IllegalHistoryError =>
  error instanceof UndecodableStreamError || error instanceof IllegalHistoryError

/** Folds one loaded stream of a batch. A stream that cannot be read is an answer, so that the others are still folded. */
export const foldStream = (content: StreamContent | undefined): FoldedStream => {
  if (content === undefined) return { kind: 'none' }
  if (content.kind === 'undecodable') return { kind: 'unreadable', error: content.error }
  try {
    const state = fold(content.events)
    return state.status === 'NONE' ? { kind: 'none' } : { kind: 'task', task: state }
  } catch (error) {
    if (error instanceof IllegalHistoryError) return { kind: 'unreadable', error }
    throw error
  }
}
