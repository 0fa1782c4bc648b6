import type { EventContext } from '#domain/task/events.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Instant } from '#domain/time.ts'
import { type Append, type Duplicate, type StoredVerdict, streamsPerCallMax } from '../ports/events/event-store.ts'
import { foldStream } from '../runs/fold-stream.ts'
import {
  afterStored,
  appendFirst,
  KeyReusedError,
  learnRoutes,
  RetryPolicyError,
  type SubmitDeps,
  type SubmitOutcome,
  type SubmitRequest,
  toFirstAppend,
  toSubmitError,
} from './submit-task.ts'

/** What one of many requests came to; `reason` is what `submitTask` would have thrown. */
export type SettledSubmit = PromiseSettledResult<SubmitOutcome>

/** Why nothing of an atomic call was stored: the requests that can never be, by their places in the list, from 0. */
export class RequestsRefusedError extends Error {
  override readonly name = 'RequestsRefusedError'
  readonly code = 'requests-refused'
  readonly reasons: ReadonlyMap<number, KeyReusedError | RetryPolicyError>
  constructor(reasons: ReadonlyMap<number, KeyReusedError | RetryPolicyError>) {
    super(`${reasons.size} of the requests were refused`)
    this.reasons = reasons
  }
}

/**
 * Submits up to 1000 requests, each on its own: they travel together and none keeps another from being stored. Answers in
 * the order given. Of equal keys the first request is submitted first, the others meet the task it made.
 *
 * Throws StoreUnavailableError when the store was away before any of them was sent: none was stored.
 */
export const submitMany = async (
  deps: SubmitDeps,
  requests: readonly SubmitRequest[],
  context: EventContext,
): Promise<readonly SettledSubmit[]> => {
  assertCount(requests.length)
  const plans = requests.map((request) => planOf(deps, request, context))
  const appends = plans.flatMap((plan) => (plan.kind === 'append' ? [plan.append] : []))
  if (appends.length > 0) {
    await learnRoutes(
      deps,
      appends.map(({ head }) => head),
    )
  }
  const { firsts, others } = divideByKey(appends)
  const verdicts = new Map<Append, PromiseSettledResult<StoredVerdict | Duplicate>>()
  for (const some of [firsts, others]) {
    const settled = await Promise.allSettled(some.map((append) => appendFirst(deps.store, append)))
    for (const [place, append] of some.entries()) verdicts.set(append, settled[place] ?? unsettled)
  }
  const replays = await readReplays(deps, verdicts)
  return plans.map((plan): SettledSubmit => {
    if (plan.kind === 'refused') return plan.result
    const verdict = verdicts.get(plan.append) ?? unsettled
    if (verdict.status === 'rejected') return verdict
    return settle(() => toOutcome(deps, plan.append, verdict.value, replays))
  })
}

/**
 * Submits up to 1000 requests, all of them or none. One whose key was used before by the same request refuses nothing, and
 * is answered with the task that made.
 *
 * Throws RequestsRefusedError; SubmitUnknownError, which names one task whose fate is that of all; StoreUnavailableError,
 * StoreOverloadedError and UnstorableAppendError when nothing was stored.
 */
export const submitAll = async (
  deps: SubmitDeps,
  requests: readonly SubmitRequest[],
  context: EventContext,
): Promise<readonly SubmitOutcome[]> => {
  assertCount(requests.length)
  const appends = toAppends(deps, requests, context)
  await learnRoutes(
    deps,
    appends.map(({ head }) => head),
  )
  // The fate of one that brings a key may be that of an earlier task.
  const [witness] = appends.toSorted((a, b) => Number(a.key !== undefined) - Number(b.key !== undefined))
  const verdict = await deps.store.appendAll(appends).catch((error: unknown) => {
    throw witness === undefined ? error : toSubmitError(error, witness.taskId)
  })
  if (verdict.kind === 'refused') {
    if (verdict.conflicts.length > 0) throw new Error(`task ids were minted twice: ${verdict.conflicts.join()}`)
    const reused = new Set(verdict.reused)
    throw new RequestsRefusedError(
      new Map(appends.flatMap(({ taskId }, place) => (reused.has(taskId) ? [[place, new KeyReusedError()]] : []))),
    )
  }
  const duplicates = verdict.members.filter((member) => member.kind === 'duplicate')
  const replays = await readTasks(deps, duplicates)
  return appends.map((append, place) => {
    const member = verdict.members[place]
    if (member === undefined) throw new Error('the store gave no verdict on a submission')
    return toOutcome(deps, append, member, replays)
  })
}

const toAppends = (deps: SubmitDeps, requests: readonly SubmitRequest[], context: EventContext): readonly Append[] => {
  const reasons = new Map<number, RetryPolicyError>()
  const appends = requests.flatMap((request, place) => {
    try {
      return [toFirstAppend(deps, request, context)]
    } catch (error) {
      if (!(error instanceof RetryPolicyError)) throw error
      reasons.set(place, error)
      return []
    }
  })
  if (reasons.size > 0) throw new RequestsRefusedError(reasons)
  return appends
}

const assertCount = (count: number): void => {
  if (count < 1 || count > streamsPerCallMax) {
    throw new RangeError(`a call submits 1 to ${streamsPerCallMax} tasks, not ${count}`)
  }
}

const unsettled = { status: 'rejected', reason: new Error('a submission was left without a verdict') } as const

type Plan =
  | { readonly kind: 'append'; readonly append: Append }
  | { readonly kind: 'refused'; readonly result: PromiseRejectedResult }

const planOf = (deps: SubmitDeps, request: SubmitRequest, context: EventContext): Plan => {
  try {
    return { kind: 'append', append: toFirstAppend(deps, request, context) }
  } catch (reason) {
    return { kind: 'refused', result: { status: 'rejected', reason } }
  }
}

/** The first of each key and all without one; and the rest, which wait until it is known who has their key. */
const divideByKey = (
  appends: readonly Append[],
): { readonly firsts: readonly Append[]; readonly others: readonly Append[] } => {
  const seen = new Set<string>()
  const firsts: Append[] = []
  const others: Append[] = []
  for (const append of appends) {
    const { key } = append
    const name = key === undefined ? undefined : JSON.stringify([key.scope, key.key])
    if (name !== undefined && seen.has(name)) others.push(append)
    else firsts.push(append)
    if (name !== undefined) seen.add(name)
  }
  return { firsts, others }
}

/** The tasks that hold the keys of duplicates, as they stand now. */
type Replays = (taskId: TaskId) => SubmitOutcome

const readReplays = async (
  deps: SubmitDeps,
  verdicts: ReadonlyMap<Append, PromiseSettledResult<StoredVerdict | Duplicate>>,
): Promise<Replays> => {
  const duplicates = [...verdicts.values()].flatMap((verdict) =>
    verdict.status === 'fulfilled' && verdict.value.kind === 'duplicate' ? [verdict.value] : [],
  )
  try {
    return await readTasks(deps, duplicates)
  } catch (error) {
    // Others were stored: what cannot be shown concerns nobody but the duplicates.
    return () => {
      throw error
    }
  }
}

const readTasks = async (deps: SubmitDeps, duplicates: readonly Duplicate[]): Promise<Replays> => {
  const taskIds = [...new Set(duplicates.map(({ taskId }) => taskId))]
  if (taskIds.length === 0) return missing
  const { now, streams } = await deps.store.loadStreams(taskIds)
  return (taskId) => {
    const read = foldStream(streams.get(taskId))
    if (read.kind === 'unreadable') throw read.error
    return read.kind === 'none' ? missing(taskId) : { kind: 'replayed', task: read.task, now }
  }
}

const missing = (taskId: TaskId): never => {
  throw new Error(`task ${taskId} holds a key and is not there`)
}

const toOutcome = (
  deps: SubmitDeps,
  append: Append,
  verdict: { readonly recordedAt: Instant } | Duplicate,
  replays: Replays,
): SubmitOutcome => {
  if (!('fingerprint' in verdict)) return afterStored(deps, append, verdict)
  if (verdict.fingerprint !== append.key?.fingerprint) throw new KeyReusedError()
  return replays(verdict.taskId)
}

const settle = (submit: () => SubmitOutcome): SettledSubmit => {
  try {
    return { status: 'fulfilled', value: submit() }
  } catch (reason) {
    return { status: 'rejected', reason }
  }
}
