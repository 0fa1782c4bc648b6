import { toRecordedTask } from '#domain/task/change.ts'
import type { RunningTask } from '#domain/task/state.ts'
import { type Append, type EventStore, isStored, UnstorableAppendError } from '../ports/events/event-store.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import { noRunObserver, type RunObservation, type RunObserver } from '../ports/surroundings/run-observer.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import { planAppend, type PlannedAppend, wasLast } from '../commands/plan-append.ts'
import type { HeadRepair } from '../recovery/head-repair.ts'
import { appendWhileHeld, type HeldAppendVerdict } from './append-while-held.ts'
import type { Startable } from './task-loader.ts'
import type { Lease } from './lease.ts'

export interface StartRunDeps {
  readonly store: EventStore
  readonly identities: Identities
  readonly headRepair: HeadRepair
  readonly runtime: Runtime
  readonly runObserver?: RunObserver
}

export type StartOutcome =
  /** The claim is durable, no event followed it, and the lease is held: the handler may begin. */
  | { readonly kind: 'started'; readonly task: RunningTask; readonly observation: RunObservation }
  /** The claim is durable, but another event followed it before its verdict came: the handler must not begin. */
  | { readonly kind: 'overtaken'; readonly task: RunningTask; readonly observation: RunObservation }
  /** Another append moved the task first. */
  | { readonly kind: 'lost' }
  /** The lease was lost. If `Started` was stored all the same, recovery gives the run back. */
  | { readonly kind: 'lease-lost' }

/**
 * Claims one task by appending its `Started`. Throws nothing that the store answers or throws. Not async: a suspended async
 * frame keeps its locals alive (see slot-table.ts), and every starting task waits here.
 */
export const startRun = (deps: StartRunDeps, startable: Startable, lease: Lease): Promise<StartOutcome> => {
  const observation = (deps.runObserver ?? noRunObserver).observe(startable.task, startable.trace)
  const planned = planAppend(deps.identities, startable.task, startable.events, observation.context)
  const { append } = planned
  return observation
    .within(() => appendWhileHeld(deps, append, lease))
    .then(
      (verdict) => toOutcome(deps, { observation, planned, verdict, lease }),
      (error: unknown) => toOutcome(deps, { observation, planned, verdict: toLoss(deps, append, error), lease }),
    )
}

interface Claim {
  readonly observation: RunObservation
  readonly planned: PlannedAppend
  readonly verdict: HeldAppendVerdict
  readonly lease: Lease
}

const toOutcome = (deps: StartRunDeps, { observation, planned, verdict, lease }: Claim): StartOutcome => {
  const { append, change } = planned
  if (verdict.kind === 'lease-lost') {
    observation.fenced()
    return verdict
  }
  if (!isStored(verdict)) {
    observation.leave()
    deps.runtime.count('dropped-conflict')
    deps.headRepair.suspect(append.taskId)
    return { kind: 'lost' }
  }
  if (!lease.isHeld()) {
    observation.fenced()
    return { kind: 'lease-lost' }
  }
  const task = toRecordedTask(change, verdict.recordedAt)
  if (task.status !== 'PROCESSING') throw new Error(`a started task is ${task.status}`)
  observation.started(task)
  return { kind: wasLast(append, verdict) ? 'started' : 'overtaken', task, observation }
}

/** A claim that cannot be stored counts as a lost race: its events hold nothing that a store could refuse, its head may. */
const toLoss = (deps: StartRunDeps, { taskId }: Append, error: unknown): HeldAppendVerdict => {
  if (!(error instanceof UnstorableAppendError)) throw error
  deps.runtime.logger.error({ taskId, err: error }, 'a claim could not be stored')
  return { kind: 'conflict', headVersion: undefined }
}
