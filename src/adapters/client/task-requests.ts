import { invalidAnswer } from './answers.ts'
import { isItems, isTaskEvent, type TaskEvent } from './events.ts'
import type { CallOptions, ClientRequest, Exchange } from './exchange.ts'
import type { BatchOptions, ChangeOptions } from './options.ts'
import { toTaskPath } from './sendable.ts'
import {
  type BatchOutcomes,
  isBatchAnswer,
  mintKey,
  type Submission,
  toBody,
  toOutcome,
  trustOutcomes,
} from './submission.ts'
import { type Task, trustTask } from './task.ts'

/** `POST /api/tasks`. */
export const submitOne = async <Payload, Result>(
  exchange: Exchange,
  item: Submission,
  headers: Readonly<Record<string, string>>,
  call: CallOptions,
): Promise<Task<Payload, Result>> => {
  const request: ClientRequest = {
    method: 'POST',
    path: '/api/tasks',
    headers: { ...headers, 'idempotency-key': item.options.idempotencyKey ?? mintKey() },
    body: toBody(item),
    repeat: 'freely',
  }
  return toTask(await exchange.call(request, call))
}

/** `POST /api/tasks/batch`. */
export const submitMany = async <const Items extends readonly Submission[]>(
  exchange: Exchange,
  items: Items,
  headers: Readonly<Record<string, string>>,
  { atomic = false, ...call }: BatchOptions,
): Promise<BatchOutcomes<Items>> => {
  const tasks = items.map((item) => ({ ...toBody(item), idempotencyKey: item.options.idempotencyKey ?? mintKey() }))
  const path = `/api/tasks/batch${atomic ? '?atomic=true' : ''}`
  const answer = await exchange.call({ method: 'POST', path, headers, body: { tasks }, repeat: 'freely' }, call)
  const outcomes = trustOutcomes(items, isBatchAnswer(answer) ? answer.results.map(toOutcome) : [])
  if (outcomes === undefined) throw invalidAnswer('the answer to a batch has another shape')
  return outcomes
}

/** `GET /api/tasks/{id}`. */
export const findTask = async <Payload, Result>(
  exchange: Exchange,
  taskId: string,
  query: Readonly<Record<string, string>>,
  call: CallOptions,
): Promise<Task<Payload, Result>> => {
  const search = new URLSearchParams(query).toString()
  const path = `${toTaskPath(taskId)}${search === '' ? '' : `?${search}`}`
  return toTask(await exchange.call({ method: 'GET', path, repeat: 'freely', taskId }, call))
}

/** `GET /api/tasks/{id}/events`. */
export async function* readHistory(
  exchange: Exchange,
  taskId: string,
  call: CallOptions,
): AsyncGenerator<TaskEvent, void, undefined> {
  const path = `${toTaskPath(taskId)}/events`
  const answer = await exchange.call({ method: 'GET', path, repeat: 'freely', taskId }, call)
  if (!isItems(answer) || !answer.items.every(isTaskEvent)) throw invalidAnswer('a history has another shape')
  yield* answer.items.filter(isTaskEvent)
}

/** `POST /api/tasks/{id}/retry`, `…/cancel` and `…/run-now`. */
export const changeTask = async <Payload, Result>(
  exchange: Exchange,
  taskId: string,
  change: 'retry' | 'cancel' | 'run-now',
  headers: Readonly<Record<string, string>>,
  { ifVersion, reason, ...call }: ChangeOptions,
): Promise<Task<Payload, Result>> => {
  const request: ClientRequest = {
    method: 'POST',
    path: `${toTaskPath(taskId)}/${change}`,
    headers: { ...headers, ...(ifVersion !== undefined && { 'if-match': `"${ifVersion}"` }) },
    ...(reason !== undefined && { body: { reason } }),
    repeat: change === 'cancel' ? 'freely' : 'if-unsent',
    taskId,
  }
  return toTask(await exchange.call(request, call))
}

const toTask = <Payload, Result>(answer: unknown): Task<Payload, Result> => {
  const task = trustTask<Payload, Result>(answer)
  if (task === undefined) throw invalidAnswer('a task has another shape')
  return task
}
