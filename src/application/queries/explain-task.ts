import type { TaskId } from '#domain/identifiers.ts'
import type { ErrorFacts, ErrorReport } from '#domain/task/events.ts'
import {
  detailOf,
  type FailedDetail,
  type PendingTask,
  type RunningTask,
  type Task,
  runsApart,
} from '#domain/task/state.ts'
import { type Instant, isDue } from '#domain/time.ts'
import type { EventStore } from '../ports/events/event-store.ts'
import type { EffectRecords } from '../ports/ledger/idempotency-ledger.ts'
import type { RunIndex } from '../ports/heads/run-index.ts'
import type { WorkerRegistry, WorkerRow } from '../ports/workers/worker-registry.ts'
import { isAlive, takesTasks, toServes } from '../health/worker-liveness.ts'
import { nameSome } from '../diagnosis/finding.ts'
import { findTask } from './find-task.ts'

export type ExplanationCode =
  | 'not-due'
  | 'waiting-for-retry'
  | 'no-worker-for-type'
  | 'no-worker-for-queue'
  | 'isolated'
  | 'workers-busy'
  | 'running-on'
  | 'worker-silent'
  | FailedDetail
  | 'cancel-requested'
  | 'cancelled'
  | 'finished'

export interface Reason {
  readonly code: ExplanationCode
  /** For a person. */
  readonly message: string
}

/** Why a task is where it is, and what happens next. */
export interface Explanation {
  readonly task: Task
  /** The store's clock, for judging the detail. */
  readonly now: Instant
  /** Empty while a ready task is about to be taken. */
  readonly because: readonly Reason[]
  /** What happens next by itself, and when; undefined when nothing does, or the instant is not known. */
  readonly next: NextStep | undefined
}

export interface NextStep {
  /** `ready`: it may be taken. `time-limit`: its attempt is aborted. */
  readonly what: 'ready' | 'time-limit'
  readonly at: Instant
}

interface Deps {
  readonly store: EventStore
  readonly runs: RunIndex
  readonly registry: WorkerRegistry
  readonly ledger: Pick<EffectRecords, 'list'>
}

/** Explains a task, or answers undefined when there is none. Throws as `loadStream` does. */
export const explainTask = async (deps: Deps, taskId: TaskId): Promise<Explanation | undefined> => {
  const found = await findTask(deps.store, taskId)
  if (found === undefined) return undefined
  return { ...found, ...(await explain(deps, found.task, found.now)) }
}

type Explained = Pick<Explanation, 'because' | 'next'>

const explain = async (deps: Deps, task: Task, now: Instant): Promise<Explained> => {
  switch (task.status) {
    case 'PENDING':
      return explainPending(deps, task, now)
    case 'PROCESSING':
      return explainRunning(await deps.registry.readAll(), task)
    case 'SUCCESS':
      return atRest('finished', `attempt ${task.facts.attempt} succeeded`)
    case 'FAILED':
      return withDoubts(deps, task, { code: task.detail, message: explainFailure(task) })
    case 'CANCELLED':
      return withDoubts(deps, task, { code: 'cancelled', message: 'somebody cancelled it' })
  }
}

const atRest = (code: ExplanationCode, message: string): Explained => ({
  because: [{ code, message }],
  next: undefined,
})

/** An effect in doubt is a reason of its own where the task ended otherwise, by the loss of its worker for example. */
const withDoubts = async ({ ledger }: Deps, { taskId }: Task, { code, message }: Reason): Promise<Explained> => {
  const doubtful = (await ledger.list(taskId)).filter(({ state }) => state === 'in-doubt').map(({ name }) => name)
  if (code === 'effect-in-doubt') return atRest(code, `${message}; ${explainDoubt(doubtful)}`)
  if (doubtful.length === 0) return atRest(code, message)
  return {
    because: [
      { code, message },
      { code: 'effect-in-doubt', message: explainDoubt(doubtful) },
    ],
    next: undefined,
  }
}

const explainDoubt = (names: readonly string[]): string =>
  names.length === 0
    ? 'none of its effects is in doubt any more: retry the task'
    : `nobody knows whether it happened: ${nameSome(names)}. Find out, say so by POST ` +
      '/api/tasks/{id}/effects/{name}/settle, then retry the task'

const explainPending = async (deps: Deps, task: PendingTask, now: Instant): Promise<Explained> => {
  if (isDue(task.times, now) && (task.phase === 'waiting' || runsApart(task))) {
    return { because: await explainReady(deps, task), next: undefined }
  }
  const reason: Reason =
    detailOf(task, now) === 'scheduled'
      ? { code: 'not-due', message: 'it was scheduled for later' }
      : { code: 'waiting-for-retry', message: explainFailure(task) }
  return { because: [reason], next: { what: 'ready', at: task.times.readyAt } }
}

/** A due task is taken at once unless no live worker can take it: the reasons why none can. */
const explainReady = async (deps: Deps, task: PendingTask): Promise<readonly Reason[]> => {
  const { type, queue } = task.facts.submission
  const takers = (await deps.registry.readAll()).filter(takesTasks)
  const ofType = takers.filter((worker) => worker.types.includes(type))
  if (ofType.length === 0) return [{ code: 'no-worker-for-type', message: `no live worker has a handler for ${type}` }]
  const serving = ofType.filter((worker) => toServes(worker)({ queue, type }))
  if (serving.length === 0) {
    return [{ code: 'no-worker-for-queue', message: `no live worker with a handler for ${type} serves queue ${queue}` }]
  }
  if (await hasFreeSlot(deps.runs, serving)) return runsApart(task) ? [isolated] : []
  const slots = serving.reduce((sum, worker) => sum + worker.concurrency, 0)
  return [{ code: 'workers-busy', message: `all ${slots} slots of ${serving.length} serving workers are taken` }]
}

const isolated: Reason = {
  code: 'isolated',
  message: 'two workers died while they ran it: it waits for one of the few processes that suspects run in',
}

/** Among more workers than this, one is assumed to have a free slot: their runs are not counted. */
const workersCountedMax = 100

/** A beat tells how many handlers were at work, those that were given up on included; heads show the claims since that beat. */
const hasFreeSlot = async (runs: RunIndex, serving: readonly WorkerRow[]): Promise<boolean> => {
  if (serving.length > workersCountedMax) return true
  for (const worker of serving) {
    if (worker.running >= worker.concurrency) continue
    const claimed = await runs.listRuns(worker.incarnation, worker.concurrency)
    if (claimed.length < worker.concurrency) return true
  }
  return false
}

const explainRunning = (workers: readonly WorkerRow[], task: RunningTask): Explained => {
  const cancelRequested: readonly Reason[] =
    task.phase === 'cancelling'
      ? [{ code: 'cancel-requested', message: 'cancellation was requested: its handler was told to stop' }]
      : []
  const worker = workers.find((row) => row.incarnation === task.incarnation)
  if (worker === undefined || !isAlive(worker)) {
    const silent: Reason = { code: 'worker-silent', message: explainSilence(worker) }
    return { because: [...cancelRequested, silent], next: undefined }
  }
  const message = `attempt ${task.facts.attempt} runs on ${worker.host}, process ${worker.pid}`
  return {
    because: [...cancelRequested, { code: 'running-on', message }],
    next: { what: 'time-limit', at: (task.times.startedAt ?? task.times.changedAt) + task.timeLimitMs },
  }
}

const explainSilence = (worker: WorkerRow | undefined): string => {
  const consequence = 'its task is taken back and tried again'
  if (worker === undefined) return `its worker is not known any more: ${consequence}`
  const where = `its worker on ${worker.host}, process ${worker.pid},`
  return worker.state === 'ended'
    ? `${where} has ended: ${consequence}`
    : `${where} gave no sign of life for ${Math.floor(worker.silentForMs / 1_000)} s: ${consequence}`
}

const explainFailure = ({ facts: { lastFailure } }: Task): string =>
  lastFailure === undefined
    ? 'it was tried before'
    : `attempt ${lastFailure.attempt} failed (${lastFailure.cause}): ${describeError(lastFailure.error)}`

/** With what it came from: the reason of `fetch failed` is there. */
const describeError = ({ causes = [], ...error }: ErrorReport): string =>
  [error, ...causes].map(describeFacts).join(', because of ')

const describeFacts = ({ name, message, code }: ErrorFacts): string => {
  const said = `${name}: ${message}`
  return code === undefined || said.includes(code) ? said : `${said} (${code})`
}
