import type { CallOptions } from './exchange.ts'
import { toInstantText } from './sendable.ts'
import type { SubmissionOptions } from './submission.ts'

/** The actor and the reason in the history of the task. */
export interface ContextOptions extends CallOptions {
  readonly actor?: string | undefined
  readonly reason?: string | undefined
}

export interface SubmitOptions extends SubmissionOptions, ContextOptions {
  /** The W3C trace context that the task continues. */
  readonly traceparent?: string | undefined
}

export interface BatchOptions extends ContextOptions {
  /** Stores all or none: one item that is refused fails the call. Default: each item has an outcome of its own. */
  readonly atomic?: boolean | undefined
}

export interface ChangeOptions extends ContextOptions {
  /** Acts only on the task at this version; else TaskfoldError `version-mismatch`. */
  readonly ifVersion?: number | undefined
}

export interface GetOptions extends CallOptions {
  /** The task as it was at this version. Excludes `asOf`. */
  readonly asOfVersion?: number | undefined
  /** The task as it was at this instant. */
  readonly asOf?: Date | string | undefined
}

/** The headers `X-Actor` and `X-Reason`. */
export const toContextHeaders = ({ actor, reason }: ContextOptions): Readonly<Record<string, string>> => ({
  ...(actor !== undefined && { 'x-actor': toHeaderText(actor) }),
  ...(reason !== undefined && { 'x-reason': toHeaderText(reason) }),
})

/** The bytes of the text in UTF-8, a character for each, as `fetch` wants the values of headers. */
const toHeaderText = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')

/** The query of `GET /api/tasks/{id}` for the past. */
export const toGetQuery = ({ asOfVersion, asOf }: GetOptions): Readonly<Record<string, string>> => ({
  ...(asOfVersion !== undefined && { asOfVersion: String(asOfVersion) }),
  ...(asOf !== undefined && { asOf: toInstantText(asOf) }),
})
