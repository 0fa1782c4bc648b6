import type { TaskStatus } from '#domain/task/state.ts'
import { type Check, isList, isText, isWhole, nullOr, objectOf } from './shape.ts'

interface Envelope {
  readonly version: number
  /** `Submitted`, `Started`, `Failed`, `Retried`, `Succeeded`, `Released`, `Rescheduled`, `CancelRequested`, `Cancelled`. */
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly recordedAt: string
  readonly actor: string | null
  readonly reason: string | null
  readonly traceId: string | null
}

/** An event in the history of one task, with the state it led to. */
export interface TaskEvent extends Envelope {
  readonly stateAfter: { readonly status: TaskStatus; readonly detail: string; readonly attempt: number }
}

/** An event in the feed of all tasks. `cursor` resumes after it. */
export interface FeedEvent extends Envelope {
  readonly cursor: string
  readonly taskId: string
}

const envelopeMembers: Readonly<Record<keyof Envelope, Check>> = {
  version: isWhole,
  type: isText,
  data: objectOf({}),
  recordedAt: isText,
  actor: nullOr(isText),
  reason: nullOr(isText),
  traceId: nullOr(isText),
}

const looksLikeTaskEvent = objectOf({
  ...envelopeMembers,
  stateAfter: objectOf({ status: isText, detail: isText, attempt: isWhole }),
})
const looksLikeFeedEvent = objectOf({ ...envelopeMembers, cursor: isText, taskId: isText })

export const isTaskEvent = (value: unknown): value is TaskEvent => looksLikeTaskEvent(value)
export const isFeedEvent = (value: unknown): value is FeedEvent => looksLikeFeedEvent(value)

/** One page of a list: its items, not yet checked, and where the next page begins. */
export interface Page {
  readonly items: readonly unknown[]
  readonly nextCursor: string | null
}

const looksLikePage = objectOf({ items: isList, nextCursor: nullOr(isText) })
const looksLikeItems = objectOf({ items: isList })

export const isPage = (value: unknown): value is Page => looksLikePage(value)
export const isItems = (value: unknown): value is Pick<Page, 'items'> => looksLikeItems(value)
