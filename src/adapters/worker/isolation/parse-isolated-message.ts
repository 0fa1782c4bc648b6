import type { EffectClaim, UnfinishedPolicy } from '#application/ports/ledger/idempotency-ledger.ts'
import { retryAfterMsMax } from '#application/ports/task-handler.ts'
import type { ErrorReport, JsonText } from '#domain/task/events.ts'
import { parseErrorReport } from '../run/error-report.ts'
import type { HandlerEnding, HandlerFailure, HandlerResult } from '../run/handler-ending.ts'
import type { FromIsolated, LedgerRequest, LogLevel } from './isolation-messages.ts'

/**
 * Parses the body of a message from the process of an isolated run; undefined when it is malformed. It is outside input:
 * a handler can call `process.send` itself, with an envelope like ours and anything in it.
 */
export const parseIsolatedMessage = (body: unknown): FromIsolated | undefined => {
  const members = toMembers(body)
  switch (members.kind) {
    case 'alive':
    case 'begun':
      return { kind: members.kind }
    case 'unable':
      return isText(members.message) ? { kind: 'unable', message: members.message } : undefined
    case 'ended': {
      const ending = parseEnding(members.ending)
      return ending && { kind: 'ended', ending }
    }
    case 'escaped': {
      const error = parseErrorReport(members.error)
      return error && { kind: 'escaped', error }
    }
    case 'log':
      return parseLine(members)
    case 'progress':
      return isJson(members.value) ? { kind: 'progress', value: members.value } : undefined
    case 'ledger-request': {
      const { call } = members
      const request = parseRequest(members.request)
      return request && isWhole(call) ? { kind: 'ledger-request', call, request } : undefined
    }
    default:
      return undefined
  }
}

type Members = Readonly<Record<string, unknown>>

const parseLine = ({ level, fields, message }: Members): FromIsolated | undefined =>
  isLevel(level) && isText(message) && isObject(fields)
    ? { kind: 'log', level, fields: toMembers(fields), message }
    : undefined

/** Not `crashed`: that a process died is for the worker to see. */
const parseEnding = (value: unknown): HandlerEnding | undefined => {
  const members = toMembers(value)
  if (members.kind === 'returned') {
    const result = parseResult(members.result)
    return result && { kind: 'returned', result }
  }
  if (members.kind !== 'threw') return undefined
  const failure = parseFailure(members.failure)
  return failure && { kind: 'threw', failure }
}

const parseResult = (value: unknown): HandlerResult | undefined => {
  const { kind, text, reason } = toMembers(value)
  if (kind === 'text' && isJson(text)) return { kind, text }
  return kind === 'not-json' && isText(reason) ? { kind, reason } : undefined
}

const parseFailure = (value: unknown): HandlerFailure | undefined => {
  const { cause, error: report, retryAfterMs } = toMembers(value)
  const error: ErrorReport | undefined = parseErrorReport(report)
  if (!isCause(cause) || error === undefined) return undefined
  if (retryAfterMs === undefined) return { cause, error }
  return isWhole(retryAfterMs) && retryAfterMs <= retryAfterMsMax ? { cause, error, retryAfterMs } : undefined
}

const parseRequest = (value: unknown): LedgerRequest | undefined => {
  const { kind, name, mode, input, unfinished, result } = toMembers(value)
  if (kind === 'query' || kind === 'returned' || kind === 'threw') return parseTransacted(kind, toMembers(value))
  if (!isText(name) || name.length > effectNameLengthMax) return undefined
  if (kind === 'complete' && isJson(result)) return { kind, name, result }
  if (kind === 'give-back' || kind === 'doubt') return { kind, name }
  if (input !== undefined && !isText(input)) return undefined
  if (kind === 'transact') return { kind, name, input }
  if (kind !== 'claim') return undefined
  return isMode(mode) && isPolicy(unfinished) ? { kind, name, mode, input, unfinished } : undefined
}

const parseTransacted = (kind: 'query' | 'returned' | 'threw', members: Members): LedgerRequest | undefined => {
  const { transaction, text, values, result } = members
  if (!isWhole(transaction)) return undefined
  if (kind === 'threw') return { kind, transaction }
  if (kind === 'returned') return isJson(result) ? { kind, transaction, result } : undefined
  const isStatement = isText(text) && Array.isArray(values) && values.length <= parametersMax
  return isStatement ? { kind, transaction, text, values: Array.from<unknown>(values) } : undefined
}

/** Of one statement: the protocol counts them in 16 bits. */
const parametersMax = 65_535

/** As `HandlerContext.effect` has it. */
const effectNameLengthMax = 128

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
/** Without members when the value is no object. It was cloned on its way, so that no member is a getter. */
const toMembers = (value: unknown): Members => (isObject(value) ? { ...value } : {})

const isText = (value: unknown): value is string => typeof value === 'string'
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** One malformed text would spoil the whole write that it becomes part of. */
const isJson = (value: unknown): value is JsonText => {
  if (typeof value !== 'string') return false
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}

const modes = { idempotent: true, once: true, verify: true } as const satisfies Record<EffectClaim['mode'], true>
const isMode = (value: unknown): value is EffectClaim['mode'] => isText(value) && Object.hasOwn(modes, value)

const policies = { 'take-over': true, doubt: true } as const satisfies Record<UnfinishedPolicy, true>
const isPolicy = (value: unknown): value is UnfinishedPolicy => isText(value) && Object.hasOwn(policies, value)

const levels = { debug: true, info: true, warn: true, error: true } as const satisfies Record<LogLevel, true>
const isLevel = (value: unknown): value is LogLevel => isText(value) && Object.hasOwn(levels, value)

const causes = {
  'handler-error': true,
  'permanent-error': true,
  'payload-invalid': true,
  'effect-in-doubt': true,
  'effect-changed': true,
} as const satisfies Record<HandlerFailure['cause'], true>
const isCause = (value: unknown): value is HandlerFailure['cause'] => isText(value) && Object.hasOwn(causes, value)
