import type { EventContext } from '#domain/task/events.ts'
import { type Append, type Duplicate, type StoredVerdict, streamsPerCallMax } from '../ports/events/event-store.ts'
import { type FindReplay, readReplays } from './replays.ts'
import {
  appendFirst,
  findRefusal,
  planSubmit,
  type SubmitDeps,
  type SubmitOutcome,
  type SubmitRequest,
  toOutcome,
} from './submit-task.ts'

/** What became of one of many requests; `reason` is what `submitTask` would have thrown. */
export type SettledSubmit = PromiseSettledResult<SubmitOutcome>

type SettledVerdict = PromiseSettledResult<StoredVerdict | Duplicate>

/**
 * Submits up to 1000 requests, each on its own: they travel together, and a request that fails keeps no other from being
 * stored. Answers in the order given. Of requests with equal keys the first is stored first; the others then meet its task.
 *
 * Throws StoreUnavailableError when the store was away before the first was sent: none was stored.
 */
export const submitMany = async (
  deps: SubmitDeps,
  requests: readonly SubmitRequest[],
  context: EventContext,
): Promise<readonly SettledSubmit[]> => {
  assertRequestCount(requests.length)
  const plans = await refuseNames(
    deps,
    requests.map((request) => settle(() => planSubmit(deps, request, context))),
  )
  const verdicts = new Map<Append, SettledVerdict>()
  const { firsts, others } = divideByKey(toAppends(plans))
  for (const group of [firsts, others]) {
    const settled = await Promise.allSettled(group.map((append) => appendFirst(deps.store, append)))
    for (const [place, append] of group.entries()) verdicts.set(append, settled[place] ?? unsettled)
  }
  const findReplay = await readReplaysOrFail(deps, verdicts.values())
  return plans.map((plan): SettledSubmit => {
    if (plan.status === 'rejected') return plan
    const verdict = verdicts.get(plan.value) ?? unsettled
    return verdict.status === 'rejected'
      ? verdict
      : settle(() => toOutcome(deps, plan.value, verdict.value, findReplay))
  })
}

type SettledPlan = PromiseSettledResult<Append>

const toAppends = (plans: readonly SettledPlan[]): readonly Append[] =>
  plans.flatMap((plan) => (plan.status === 'fulfilled' ? [plan.value] : []))

/** Learns the routes of the plans, and rejects those whose names are refused. */
const refuseNames = async (deps: SubmitDeps, plans: readonly SettledPlan[]): Promise<readonly SettledPlan[]> => {
  const heads = toAppends(plans).map(({ head }) => head)
  const refused = heads.length === 0 ? [] : await deps.routes.learn(heads)
  if (refused.length === 0) return plans
  return plans.map((plan) => {
    const reason = plan.status === 'fulfilled' ? findRefusal(refused, plan.value.head) : undefined
    return reason === undefined ? plan : { status: 'rejected', reason }
  })
}

/** Throws a RangeError for a count of requests that one call may not have. */
export const assertRequestCount = (count: number): void => {
  if (count < 1 || count > streamsPerCallMax) {
    throw new RangeError(`a call submits 1 to ${streamsPerCallMax} tasks, not ${count}`)
  }
}

const unsettled = { status: 'rejected', reason: new Error('a submission was left without a verdict') } as const

const settle = <Value>(work: () => Value): PromiseSettledResult<Value> => {
  try {
    return { status: 'fulfilled', value: work() }
  } catch (reason) {
    return { status: 'rejected', reason }
  }
}

/** `others` repeat a key of `firsts` and must be sent after it: until its verdict it is open which task has the key. */
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

/** When the earlier tasks cannot be read, only the requests that met them fail: the others are stored. */
const readReplaysOrFail = async (deps: SubmitDeps, verdicts: Iterable<SettledVerdict>): Promise<FindReplay> => {
  const duplicates = [...verdicts].flatMap((verdict) =>
    verdict.status === 'fulfilled' && verdict.value.kind === 'duplicate' ? [verdict.value] : [],
  )
  try {
    return await readReplays(deps.store, duplicates)
  } catch (error) {
    return () => {
      throw error
    }
  }
}
