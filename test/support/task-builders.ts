import { createHash, randomUUID } from 'node:crypto'
import type { Append, EventStore } from '#application/ports/events/event-store.ts'
import type { SubmitKey } from '#application/ports/events/submit-keys.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { Route } from '#domain/route.ts'
import { decide } from '#domain/task/decide.ts'
import { fold } from '#domain/task/evolve.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Submit, TaskCommand } from '#domain/task/commands.ts'
import type { Submission } from '#domain/task/events.ts'
import { toRecordedTask, toTaskChange } from '#domain/task/change.ts'
import { toHeadChange } from '#domain/task/head.ts'
import { noTask, type Task, type TaskState } from '#domain/task/state.ts'
import type { Due, Instant } from '#domain/time.ts'
import { mintAppendId, mintTaskId } from './ids.ts'

/** A queue and a type that no other test uses. */
export const makeRoute = (): Route => ({ queue: `queue-${makeName()}`, type: `type-${makeName()}` })

/** Twelve random letters and digits. */
export const makeName = (): string => randomUUID().replaceAll('-', '').slice(0, 12)

/** A submission to a route of its own, with a back-off without jitter. */
export const makeSubmission = (differences: Partial<Submission> = {}): Submission => ({
  ...makeRoute(),
  payload: 'null',
  priority: 0,
  maxAttempts: 5,
  timeoutMs: 60_000,
  retry: { strategy: 'exponential', baseMs: 1_000, maxMs: 3_600_000, jitter: 'none' },
  tags: [],
  ...differences,
})

export const submit = (submission: Submission = makeSubmission(), due: Due = { delayMs: 0 }): Submit => ({
  type: 'Submit',
  submission,
  due,
})

/** The members of an append that a test may choose; the others are made here. */
export type AppendFacts = Partial<Pick<Append, 'taskId' | 'appendId' | 'context' | 'key'>>

/** The append that records `command` on a task in `state`. Throws when the core refuses it or records nothing. */
export const makeAppend = (state: TaskState, command: TaskCommand, facts: AppendFacts = {}): Append => {
  const decision = decide(state, command)
  if (decision.kind === 'rejected') throw new Error(`${command.type} was refused: ${decision.rejection.code}`)
  const taskId = state.status === 'NONE' ? (facts.taskId ?? mintTaskId()) : state.taskId
  const appendId = facts.appendId ?? mintAppendId()
  const { events } = decision
  const head = toHeadChange(toTaskChange(state, { taskId, appendId }, events))
  const { context = {}, key } = facts
  const claim = state.status === 'PROCESSING' ? { claim: state.claim } : {}
  return { taskId, expectedVersion: state.version, appendId, events, head, context, ...claim, ...(key && { key }) }
}

/** Records `command` on a task in `state` and answers the task it becomes. Throws when that is not the stream's state. */
export const appendCommand = async (
  store: EventStore,
  state: TaskState,
  command: TaskCommand,
  facts: AppendFacts = {},
): Promise<Task> => {
  const append = makeAppend(state, command, facts)
  const verdict = await store.append(append)
  if (verdict.kind !== 'appended') throw new Error(`${command.type} of task ${append.taskId} met ${verdict.kind}`)
  return toTask(state, append, verdict.recordedAt)
}

/** The task that `append` leaves when it is recorded at `recordedAt`. */
export const toTask = (state: TaskState, append: Append, recordedAt: Instant): Task =>
  toRecordedTask(toTaskChange(state, append, append.events), recordedAt)

/** Submits a task on a route that is learned first, as submitters do. */
export const submitTo = async (
  world: { readonly store: EventStore; readonly routes: Routes },
  submission: Submission = makeSubmission(),
  due: Due = { delayMs: 0 },
): Promise<Task> => {
  await world.routes.learn([{ queue: submission.queue, type: submission.type }])
  return appendCommand(world.store, noTask, submit(submission, due))
}

/** Many tasks at once, in the order they were submitted. */
export const submitMany = (
  world: { readonly store: EventStore; readonly routes: Routes },
  count: number,
  submission: Submission = makeSubmission(),
): Promise<readonly Task[]> => Promise.all(range(count).map(() => submitTo(world, submission)))

/** The task folded from its stream. Throws when there is none. */
export const loadTask = async (store: EventStore, taskId: TaskId): Promise<Task> => {
  const state = fold((await store.loadStream(taskId)).events)
  if (state.status === 'NONE') throw new Error(`there is no task ${taskId}`)
  return state
}

/** A key that no other test uses. Equal `what` gives equal fingerprints. */
export const makeKey = (what = 'a task', key = makeName()): SubmitKey => ({
  scope: '',
  key,
  fingerprint: createHash('sha256').update(what).digest('hex'),
})

/** 0, 1, … below `count`. */
export const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)
