import type { Route } from '#domain/route.ts'
import type { EventContext } from '#domain/task/events.ts'
import type { Append } from '../ports/events/event-store.ts'
import { readReplays } from './replays.ts'
import { assertRequestCount } from './submit-many.ts'
import {
  findRefusal,
  KeyReusedError,
  type NameRefusedError,
  planSubmit,
  RetryPolicyError,
  type SubmitDeps,
  type SubmitOutcome,
  type SubmitRequest,
  toOutcome,
  toSubmitError,
} from './submit-task.ts'

type RefusalReason = KeyReusedError | NameRefusedError | RetryPolicyError

/** Nothing of an atomic call was stored, because of these requests, by their places in the list from 0. */
export class RequestsRefusedError extends Error {
  override readonly name = 'RequestsRefusedError'
  readonly code = 'requests-refused'
  readonly reasons: ReadonlyMap<number, RefusalReason>
  constructor(reasons: ReadonlyMap<number, RefusalReason>) {
    super(`${reasons.size} of the requests were refused`)
    this.reasons = reasons
  }
}

/**
 * Submits up to 1000 requests, all of them or none. A request whose key was used before by the same request refuses nothing,
 * and is answered with the task of that one.
 *
 * Throws RequestsRefusedError; SubmitUnknownError, which names one task whose fate is that of all; StoreUnavailableError,
 * StoreOverloadedError and UnstorableAppendError when nothing was stored.
 */
export const submitAll = async (
  deps: SubmitDeps,
  requests: readonly SubmitRequest[],
  context: EventContext,
): Promise<readonly SubmitOutcome[]> => {
  assertRequestCount(requests.length)
  const appends = planAll(deps, requests, context)
  await learnAll(
    deps,
    appends.map(({ head }) => head),
  )
  // Preferably one without a key: the fate of one with a key may be that of an earlier task.
  const witness = appends.find(({ key }) => key === undefined) ?? appends[0]
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
  const findReplay = await readReplays(deps.store, duplicates)
  return appends.map((append, place) => {
    const member = verdict.members[place]
    if (member === undefined) throw new Error('the store gave no verdict on a submission')
    return toOutcome(deps, append, member, findReplay)
  })
}

const learnAll = async ({ routes }: SubmitDeps, wanted: readonly Route[]): Promise<void> => {
  const refused = await routes.learn(wanted)
  const reasons = new Map<number, NameRefusedError>()
  for (const [place, route] of wanted.entries()) {
    const reason = findRefusal(refused, route)
    if (reason !== undefined) reasons.set(place, reason)
  }
  if (reasons.size > 0) throw new RequestsRefusedError(reasons)
}

const planAll = (deps: SubmitDeps, requests: readonly SubmitRequest[], context: EventContext): readonly Append[] => {
  const reasons = new Map<number, RetryPolicyError>()
  const appends = requests.flatMap((request, place) => {
    try {
      return [planSubmit(deps, request, context)]
    } catch (error) {
      if (!(error instanceof RetryPolicyError)) throw error
      reasons.set(place, error)
      return []
    }
  })
  if (reasons.size > 0) throw new RequestsRefusedError(reasons)
  return appends
}
