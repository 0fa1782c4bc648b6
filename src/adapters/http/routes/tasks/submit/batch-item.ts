import type { RequestsRefusedError } from '#application/commands/submit-all.ts'
import { KeyReusedError, type SubmitRequest } from '#application/commands/submit-task.ts'
import type { Instant } from '#domain/time.ts'
import { inOurWords, toFaults, validationFailed } from '../../../problems/faults.ts'
import { type Fault, ProblemError } from '../../../problems/problems.ts'
import { batchItem } from './task-input.ts'
import { payloadBytesMax, toSubmitKey, toSubmitRequest } from './submit-request.ts'
import { findRefusal, toInexactFaults } from '../../../endpoint.ts'
import { type BodyItem, type JsonBody, parseBodyItem } from '../../../request/json-body.ts'
import { toProblem } from '../../../problems/to-problem.ts'

/** One task of a batch, validated by itself. */
export type JudgedItem =
  | { readonly kind: 'fit'; readonly request: SubmitRequest }
  /** Pointers begin at the task. */
  | { readonly kind: 'unfit'; readonly problem: ProblemError }

/** Tighter than for a single submission, because a batch has up to a thousand tasks. */
const namedMost = { faults: 20, pointerCharacters: 4_096 }

/** Throws a `malformed-json` problem, which refuses the whole batch: what is no JSON has no items. */
export const judgeBatchItem = (item: BodyItem, now: Instant): JudgedItem => {
  const parsed = parseBodyItem(item)
  if (parsed.kind !== 'json') return refuseUnparsed(parsed)
  const sent = parsed.value
  const inexact = toInexactFaults(item.facts)
  const judged = batchItem.safeParse(sent, inOurWords)
  if (!judged.success || inexact.length > 0) {
    const faults = judged.success ? [] : toFaults(judged.error, '')
    return { kind: 'unfit', problem: validationFailed([...faults, ...inexact], namedMost) }
  }
  const { idempotencyKey, ...input } = judged.data
  try {
    const request = toSubmitRequest(input, now)
    if (idempotencyKey === undefined) return { kind: 'fit', request }
    return { kind: 'fit', request: { ...request, key: toSubmitKey(idempotencyKey, withoutKey(sent)) } }
  } catch (error) {
    if (error instanceof ProblemError) return { kind: 'unfit', problem: error }
    throw error
  }
}

const refuseUnparsed = (parsed: JsonBody): JudgedItem => {
  const problem = findRefusal(parsed)
  if (problem === undefined || problem.code === 'malformed-json') throw problem ?? new TypeError('an item is empty')
  return { kind: 'unfit', problem }
}

/** So that a task of a batch and the same task alone are the same request. */
const withoutKey = (sent: unknown): object =>
  Object.fromEntries(Object.entries(Object(sent)).filter(([member]) => member !== 'idempotencyKey'))

/** The refusal of a whole batch because of some of its tasks; pointers begin at the request. */
export const refuseBatch = (items: readonly JudgedItem[]): ProblemError => {
  const problems = items.flatMap((item, place) => (item.kind === 'unfit' ? [{ place, problem: item.problem }] : []))
  const faults = problems.flatMap(({ place, problem }) => faultsAt(place, problem))
  if (problems.some(({ problem }) => problem.code !== 'payload-too-large')) return validationFailed(faults)
  const { errors = [] } = validationFailed(faults).members
  return new ProblemError('payload-too-large', `A payload weighs more than ${payloadBytesMax} bytes.`, { errors })
}

/** The same for refusals of the application. */
export const refuseRequests = (error: RequestsRefusedError): ProblemError => {
  const reasons = [...error.reasons]
  const faults = reasons.flatMap(([place, reason]) => faultsAt(place, toProblem(reason)))
  const refused = validationFailed(faults)
  if (!reasons.every(([, reason]) => reason instanceof KeyReusedError)) return refused
  const { errors = [] } = refused.members
  return new ProblemError('idempotency-key-reused', 'Repeat the tasks as they were, or take new keys.', { errors })
}

const faultsAt = (place: number, problem: ProblemError): readonly Fault[] => {
  const at = `/tasks/${place}`
  if (problem.code === 'payload-too-large') {
    return [{ pointer: `${at}/payload`, message: `must weigh at most ${payloadBytesMax} bytes` }]
  }
  if (problem.code === 'idempotency-key-reused') {
    return [{ pointer: `${at}/idempotencyKey`, message: 'was used for another request' }]
  }
  return (problem.members.errors ?? []).map(({ pointer, message }) => ({ pointer: `${at}${pointer}`, message }))
}
