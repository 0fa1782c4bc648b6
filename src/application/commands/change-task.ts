import { decide } from '#domain/task/decide.ts'
import { fold } from '#domain/task/evolve.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Rejection } from '#domain/task/rejections.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import type { EventContext, TaskEvent } from '#domain/task/events.ts'
import { toRecordedTask } from '#domain/task/change.ts'
import type { Task } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import { type EventStore, isStored, StoreOverloadedError } from '../ports/events/event-store.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import { repairHead } from '../recovery/head-repair.ts'
import { planAppend, wasLast } from './plan-append.ts'

export interface ChangeTaskDeps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly identities: Identities
  readonly count: Count
}

export interface ChangeRequest {
  readonly taskId: TaskId
  /** Makes the command from the store's clock as of loading. Called again after each lost race. */
  readonly toCommand: (now: Instant) => TaskCommand
  readonly context: EventContext
  /** When given, the task is changed only at this version. */
  readonly ifVersion?: number
}

export type ChangeOutcome =
  /** `events` were recorded; none when the task already was as the command wants it. `now` is the store's clock. */
  | { readonly kind: 'changed'; readonly task: Task; readonly events: readonly TaskEvent[]; readonly now: Instant }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'version-mismatch'; readonly version: number }
  | { readonly kind: 'not-found' }

/** Lost races after which a change gives up. Each one means that another append changed the task in between. */
const racesMax = 20

/**
 * Loads a task, decides and appends; after a lost race it loads and decides again.
 *
 * Throws StoreUnavailableError, and StoreOverloadedError, also when 20 races in a row were lost.
 */
export const changeTask = async (deps: ChangeTaskDeps, request: ChangeRequest): Promise<ChangeOutcome> => {
  let lostAt: number | undefined
  for (let race = 0; race < racesMax; race += 1) {
    const { now, events } = await deps.store.loadStream(request.taskId)
    const state = fold(events)
    if (state.status === 'NONE') return { kind: 'not-found' }
    if (request.ifVersion !== undefined && state.version !== request.ifVersion) {
      return { kind: 'version-mismatch', version: state.version }
    }
    if (lostAt === state.version) await repairHead(deps, state)
    const decision = decide(state, request.toCommand(now))
    if (decision.kind === 'rejected') return decision
    if (decision.events.length === 0) return { kind: 'changed', task: state, events: [], now }
    const { append, change } = planAppend(deps.identities, state, decision.events, request.context)
    const verdict = await deps.store.append(append)
    if (!isStored(verdict)) {
      lostAt = state.version
      continue
    }
    const task = wasLast(append, verdict)
      ? toRecordedTask(change, verdict.recordedAt)
      : await loadTask(deps.store, state)
    return { kind: 'changed', task, events: decision.events, now: Math.max(now, task.times.changedAt) }
  }
  throw new StoreOverloadedError(`task ${request.taskId} changed ${racesMax} times while it was being changed`)
}

const loadTask = async (store: EventStore, known: Task): Promise<Task> => {
  const state = fold((await store.loadStream(known.taskId)).events)
  return state.status === 'NONE' ? known : state
}
