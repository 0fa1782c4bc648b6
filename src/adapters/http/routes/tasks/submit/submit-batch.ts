import { z } from 'zod'
import { RequestsRefusedError } from '#application/commands/submit-all.ts'
import type { SettledSubmit } from '#application/commands/submit-many.ts'
import type { SubmitOutcome, SubmitRequest } from '#application/commands/submit-task.ts'
import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { EventContext, JsonText } from '#domain/task/events.ts'
import type { Instant } from '#domain/time.ts'
import type { BodyItem } from '../../../request/json-body.ts'
import { limits } from '../../../request/limits.ts'
import { createTurns } from '../../../request/turns.ts'
import { problemView, renderProblem } from '../../../problems/problem-document.ts'
import { ProblemError, problems, storeRefusals } from '../../../problems/problems.ts'
import { contextHeaders, findTraceId, toContext } from '../../../request/request-headers.ts'
import { createEndpoint, type Endpoint } from '../../../endpoint.ts'
import { batchItem, submissionExample } from './task-input.ts'
import { taskExample, taskView } from '../task-schema.ts'
import { judgeBatchItem, type JudgedItem, refuseBatch, refuseRequests } from './batch-item.ts'
import { toProblem } from '../../../problems/to-problem.ts'
import { renderTask } from '../task-view.ts'

interface Deps {
  readonly operations: TaskOperations
  /** The store's clock as estimated. */
  readonly now: () => Instant
  readonly logger: Logger
}

const batchItemsMax = 1_000

/** What `POST /api/tasks/batch` takes, as the reference shows it. */
const batchInput = z.strictObject({ tasks: z.array(batchItem).min(1).max(batchItemsMax) }).meta({ id: 'BatchInput' })

/** The same with tasks not parsed yet: each is judged by itself, so that one that does not fit refuses no other. */
const batchEnvelope = z.strictObject({
  tasks: z.array(z.unknown()).min(1).max(batchItemsMax),
})

const batchResultsView = z
  .strictObject({
    results: z.array(
      z.union([
        z.strictObject({ status: z.literal(202), task: taskView }),
        z.strictObject({
          status: z.union([z.literal(413), z.literal(422), z.literal(500), z.literal(503)]),
          problem: problemView,
        }),
      ]),
    ),
  })
  .meta({ id: 'BatchResults' })

/** Two tasks, of which the second has a key that was used for another one. */
const batchExample = {
  tasks: [
    { ...submissionExample, idempotencyKey: 'welcome-ada' },
    { type: 'email.send', payload: { to: 'grace@example.com' }, idempotencyKey: 'welcome-grace' },
  ],
}

const batchResultsExample = {
  results: [
    { status: 202, task: taskExample },
    {
      status: 422,
      problem: {
        type: 'urn:taskfold:problem:idempotency-key-reused',
        title: 'The idempotency key was used for another request',
        status: 422,
        detail: 'Repeat the request as it was, or take a new key.',
        code: 'idempotency-key-reused',
        errors: [],
        traceId: null,
      },
    },
  ],
}

const batchQuery = z.strictObject({
  atomic: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: '`true`: all tasks are stored, or none. `false` when left out.' }),
})

/** `POST /api/tasks/batch`: each task that is answered 202 is durable, whatever became of the others. */
export const createSubmitBatchEndpoint = (deps: Deps): Endpoint =>
  createEndpoint({
    method: 'POST',
    path: '/api/tasks/batch',
    operationId: 'submitTasks',
    summary: 'Submit up to 1,000 tasks',
    description:
      'Each task has a result of its own, in the order given: `202` with the task, or a problem whose pointers begin at the task. A result of `503` says that the store fell silent: with a `taskId` in it nobody knows whether that task was stored. Repeating a batch whose tasks have keys is always safe. The whole is `503` when none was stored.',
    query: batchQuery,
    body: { schema: batchEnvelope, described: batchInput, presence: 'required', example: batchExample },
    bodyBytesMax: limits.batchBytesMax,
    itemsIn: 'tasks',
    requestHeaders: contextHeaders,
    answers: {
      200: { description: 'What became of each task.', schema: batchResultsView, example: batchResultsExample },
    },
    refusals: [
      'malformed-json',
      'invalid-header',
      'validation-failed',
      'idempotency-key-reused',
      'payload-too-large',
      ...storeRefusals,
    ],
    handle: async ({ query, items: sent, headers }) => {
      if (headers['idempotency-key'] !== undefined) {
        throw new ProblemError('invalid-header', 'Each task of a batch has an idempotencyKey of its own.')
      }
      const context = toContext(headers)
      const items = await judgeInTurns(sent, deps.now())
      const submit = query.atomic === 'true' ? submitTogether : submitEach
      return { status: 200, body: `{"results":[${(await submit(deps, items, context)).join(',')}]}` }
    },
  })

/** One by one with pauses, because a task as large as it may be takes some milliseconds, and a batch has room for many. */
const judgeInTurns = async (sent: readonly BodyItem[], now: Instant): Promise<readonly JudgedItem[]> => {
  const turns = createTurns()
  const items: JudgedItem[] = []
  let payloadBytes = 0
  for (const item of sent) {
    if (turns.isOver()) await turns.rest()
    const judged = judgeBatchItem(item, now)
    if (judged.kind === 'fit') payloadBytes += Buffer.byteLength(judged.request.payload)
    if (payloadBytes > limits.batchBytesMax) throw payloadsTooLarge()
    items.push(judged)
  }
  return items
}

/** `1e20` is four characters as it is sent and twenty-one as it is kept: the answer, which repeats payloads, would have no bound. */
const payloadsTooLarge = (): ProblemError =>
  new ProblemError(
    'payload-too-large',
    `The payloads together weigh more than ${limits.batchBytesMax} bytes as they are kept.`,
  )

const submitEach = async (
  { operations, logger }: Deps,
  items: readonly JudgedItem[],
  context: EventContext,
): Promise<readonly JsonText[]> => {
  const requests = items.flatMap((item) => (item.kind === 'fit' ? [item.request] : []))
  const results = requests.length === 0 ? [] : await operations.submitMany(requests, context)
  const { traceparent } = context
  const traceId = traceparent === undefined ? undefined : findTraceId(traceparent)
  throwIfNoneIsStored(results)
  let next = 0
  return items.map((item) => {
    if (item.kind === 'unfit') return renderRefusal(item.problem, traceId)
    const result = results[next]
    next += 1
    if (result?.status === 'fulfilled') return renderAccepted(result.value)
    const problem = toProblem(result?.reason)
    if (problems[problem.code].status === 500) {
      logger.error({ err: result?.reason, traceId }, 'failed to submit a task of a batch')
    }
    return renderRefusal(problem, traceId)
  })
}

/**
 * Throws the store's error when it certainly stored none of the tasks: the whole request may then be repeated as it is.
 * When a task was stored, or may have been, each task needs a result of its own.
 */
const throwIfNoneIsStored = (results: readonly SettledSubmit[]): void => {
  let away: unknown
  for (const result of results) {
    if (result.status === 'fulfilled') return
    if (isCertainlyNotStored(result.reason)) away ??= result.reason
    else if (problems[toProblem(result.reason).code].status !== 422) return
  }
  if (away !== undefined) throw away
}

const isCertainlyNotStored = (reason: unknown): boolean =>
  reason instanceof StoreOverloadedError || (reason instanceof StoreUnavailableError && reason.fate === 'not-stored')

const submitTogether = async (
  { operations }: Deps,
  items: readonly JudgedItem[],
  context: EventContext,
): Promise<readonly JsonText[]> => {
  const requests: SubmitRequest[] = []
  for (const item of items) if (item.kind === 'fit') requests.push(item.request)
  if (requests.length < items.length) throw refuseBatch(items)
  try {
    return (await operations.submitAll(requests, context)).map(renderAccepted)
  } catch (error) {
    throw error instanceof RequestsRefusedError ? refuseRequests(error) : error
  }
}

const renderAccepted = ({ task, now }: SubmitOutcome): JsonText => `{"status":202,"task":${renderTask(task, now)}}`

const renderRefusal = (problem: ProblemError, traceId: string | undefined): JsonText =>
  `{"status":${problems[problem.code].status},"problem":${renderProblem(problem, traceId)}}`
