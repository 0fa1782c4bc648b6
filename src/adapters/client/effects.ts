import { invalidAnswer } from './answers.ts'
import { isItems } from './events.ts'
import type { CallOptions, ClientRequest, Exchange } from './exchange.ts'
import type { ContextOptions } from './options.ts'
import { toSendable, toTaskPath } from './sendable.ts'
import { type Check, isAnything, isText, isWhole, nullOr, objectOf, oneOf } from './shape.ts'

/** Something that a task has done elsewhere, as the interface shows it. Instants are RFC 3339 in UTC with milliseconds. */
export interface Effect {
  readonly name: string
  readonly mode: 'tx' | 'idempotent' | 'once' | 'verify'
  /** `in-doubt`: nobody knows whether it happened; `settleEffect` takes what a person found out. */
  readonly state: 'started' | 'completed' | 'in-doubt'
  /** The attempt that claimed it last. */
  readonly attempt: number
  /** Null until it is completed. */
  readonly result: unknown
  readonly startedAt: string
  readonly completedAt: string | null
  /** How it was settled last; null when it never was. */
  readonly settled: { readonly at: string; readonly by: string | null; readonly reason: string | null } | null
}

/**
 * What became of an effect in doubt. `completed`: it has happened, and later attempts are given `result` (JSON of at most
 * 65,536 bytes; null without). `not-done`: it has not, and the next attempt begins it anew.
 */
export type Settlement = { readonly outcome: 'completed'; readonly result?: unknown } | { readonly outcome: 'not-done' }

/** `GET /api/tasks/{id}/effects`. */
export const listEffects = async (
  exchange: Exchange,
  taskId: string,
  call: CallOptions,
): Promise<readonly Effect[]> => {
  const path = `${toTaskPath(taskId)}/effects`
  const answer = await exchange.call({ method: 'GET', path, repeat: 'freely', taskId }, call)
  if (!isItems(answer) || !answer.items.every(isEffect)) throw invalidAnswer('effects have another shape')
  return answer.items.filter(isEffect)
}

/** `POST /api/tasks/{id}/effects/{name}/settle`. */
export const settleEffect = async (
  exchange: Exchange,
  { taskId, name }: { readonly taskId: string; readonly name: string },
  settlement: Settlement,
  headers: Readonly<Record<string, string>>,
  { reason, ...call }: ContextOptions,
): Promise<Effect> => {
  const request: ClientRequest = {
    method: 'POST',
    path: `${toTaskPath(taskId)}/effects/${toSendable('a name', () => encodeURIComponent(name))}/settle`,
    headers,
    body: { ...settlement, ...(reason !== undefined && { reason }) },
    repeat: 'if-unsent',
    taskId,
  }
  const answer = await exchange.call(request, call)
  if (!isEffect(answer)) throw invalidAnswer('an effect has another shape')
  return answer
}

const members: Readonly<Record<keyof Effect, Check>> = {
  name: isText,
  mode: isText,
  state: oneOf(['started', 'completed', 'in-doubt']),
  attempt: isWhole,
  result: isAnything,
  startedAt: isText,
  completedAt: nullOr(isText),
  settled: nullOr(objectOf({ at: isText, by: nullOr(isText), reason: nullOr(isText) })),
}
const looksLikeEffect = objectOf(members)
const isEffect = (value: unknown): value is Effect => looksLikeEffect(value)
