import {
  KeyReusedError,
  NameRefusedError,
  RetryPolicyError,
  SubmitUnknownError,
} from '#application/commands/submit-task.ts'
import { isUnreadable } from '#application/runs/fold-stream.ts'
import {
  StoreOverloadedError,
  StoreUnavailableError,
  UnstorableAppendError,
} from '#application/ports/events/event-store.ts'
import { type ProblemCode, ProblemError } from './problems.ts'

/**
 * The problem that an error becomes: a ProblemError is one, errors of the application and of Fastify have theirs. Any other
 * becomes an `internal-error`, whose `cause` is for the log only.
 */
export const toProblem = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error
  return fromApplication(error) ?? fromFastify(error) ?? internalError(error)
}

/** Seconds after which asking again may help; a store that recovers does so within a few. */
const retryAfter = { 'retry-after': '2' }

const fromApplication = (error: unknown): ProblemError | undefined => {
  if (error instanceof SubmitUnknownError) {
    const detail =
      'The store fell silent: whether the task was stored is unknown. Ask for it by taskId, or repeat with the same key.'
    return new ProblemError('store-unavailable', detail, { taskId: error.taskId, headers: retryAfter, cause: error })
  }
  if (error instanceof StoreUnavailableError) {
    const detail =
      error.fate === 'unknown'
        ? 'The store fell silent: what was asked for may have happened.'
        : `The store ${error.state === 'read-only' ? 'is read-only and takes no writes' : 'does not answer'}; nothing was changed.`
    return new ProblemError('store-unavailable', detail, { headers: retryAfter, cause: error })
  }
  if (isUnreadable(error)) {
    const detail = 'A later release has written events that this one does not know, or they are damaged.'
    return new ProblemError('history-unreadable', detail, { taskId: error.taskId, cause: error })
  }
  if (error instanceof StoreOverloadedError) {
    return new ProblemError('overloaded', 'Nothing was changed; ask again.', { headers: retryAfter, cause: error })
  }
  if (error instanceof KeyReusedError) {
    return new ProblemError('idempotency-key-reused', 'Repeat the request as it was, or take a new key.', {
      cause: error,
    })
  }
  if (error instanceof RetryPolicyError) return refuseAt('/retry/maxMs', error)
  if (error instanceof NameRefusedError) return refuseAt(`/${error.kind}`, error)
  if (error instanceof UnstorableAppendError) return refuseAt('', error)
  return undefined
}

const refuseAt = (pointer: string, error: Error): ProblemError =>
  new ProblemError('validation-failed', '1 fault in the request', {
    errors: [{ pointer, message: error.message }],
    cause: error,
  })

const detailsByCode: Readonly<Partial<Record<string, { readonly code: ProblemCode; readonly detail: string }>>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'payload-too-large', detail: 'The body is larger than this endpoint takes.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported-media-type', detail: 'Send the body as application/json.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'malformed-json', detail: 'The body is not as long as announced.' },
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: { code: 'unsupported-media-type', detail: 'Send the body as application/json.' },
  FST_ERR_BAD_URL: { code: 'route-not-found', detail: 'The path is not percent-encoded UTF-8.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'route-not-found', detail: 'The path is too long for any endpoint.' },
}

const fromFastify = (error: unknown): ProblemError | undefined => {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') {
    const known = detailsByCode[error.code]
    if (known !== undefined) return new ProblemError(known.code, known.detail, { cause: error })
  }
  // The body broke off: the client has gone, or sent fewer bytes than it announced.
  return 'statusCode' in error && error.statusCode === 400
    ? new ProblemError('malformed-json', 'The body broke off.', { cause: error })
    : undefined
}

const internalError = (error: unknown): ProblemError =>
  new ProblemError('internal-error', 'Something that was not foreseen went wrong; it was logged.', { cause: error })
