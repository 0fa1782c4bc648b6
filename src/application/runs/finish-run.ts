import { decide } from '#domain/task/decide.ts'
import { fold } from '#domain/task/evolve.ts'
import type { Fail, Release, Succeed } from '#domain/task/commands.ts'
import { toRecordedTask } from '#domain/task/change.ts'
import type { RunningTask, Task } from '#domain/task/state.ts'
import { type EventStore, isStored, UnstorableAppendError } from '../ports/events/event-store.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import { type RunObservation, unobservedRun } from '../ports/surroundings/run-observer.ts'
import type { Runtime } from '../ports/surroundings/runtime.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import { askUntilAnswered } from '../mechanisms/ask-until-answered.ts'
import { repairHead } from '../recovery/head-repair.ts'
import { planAppend } from '../commands/plan-append.ts'
import { isUnreadable } from './fold-stream.ts'
import { appendWhileHeld } from './append-while-held.ts'
import { noTrace } from './task-trace.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'
import type { Lease } from './lease.ts'

export interface FinishRunDeps {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly identities: Identities
  readonly announcer: ReadyAnnouncer
  readonly runtime: Runtime
}

export type FinishCommand = Succeed | Fail | Release

/** `recorded`: what became of the run is durable. `fenced`: it was not recorded, and another run may be in force. */
export type FinishOutcome = 'recorded' | 'fenced'

/** Lost races of one outcome. Only a request to cancel can come between, so more of them are a defect. */
const racesMax = 20

/**
 * Records how a run ended, and hints at the task if it is to run again.
 *
 * A store that is away or overloaded is asked again for as long as the lease is held. After a lost race the stream decides:
 * while the run is in force the outcome is decided anew (a cancel may have come between), and only another run means fenced.
 * An outcome that cannot be stored becomes a permanent failure that says so. A stream that this release cannot read, because a
 * later one has written to it, is left alone. Never throws.
 */
export const finishRun = (
  deps: FinishRunDeps,
  task: RunningTask,
  command: FinishCommand,
  lease: Lease,
  observation: RunObservation = unobservedRun(noTrace),
): Promise<FinishOutcome> => {
  const fence = (): FinishOutcome => {
    observation.fenced()
    deps.runtime.count('outcomes-fenced')
    return 'fenced'
  }
  return begin(() => record(deps, { task, lease, observation }, task, command, 0)).then(
    (outcome) => (outcome === 'recorded' ? outcome : fence()),
    (error: unknown) => {
      deps.runtime.logger.error(
        { taskId: task.taskId, run: task.run, err: error },
        'the outcome of a run was not recorded',
      )
      return fence()
    },
  )
}

/** Turns an error that `work` throws at once into a rejection. */
const begin = <Result>(work: () => Promise<Result>): Promise<Result> => {
  try {
    return work()
  } catch (error) {
    return Promise.reject(error)
  }
}

/** A run whose outcome is being recorded. */
interface RunToRecord {
  readonly task: RunningTask
  readonly lease: Lease
  readonly observation: RunObservation
}

/** Not async: a suspended async frame keeps its locals alive (see slot-table.ts), and every finishing run waits here. */
const record = (
  deps: FinishRunDeps,
  run: RunToRecord,
  state: Task,
  command: FinishCommand,
  lost: number,
): Promise<FinishOutcome> => {
  const decision = decide(state, command)
  if (decision.kind === 'rejected') return fenced
  const { append, change } = planAppend(deps.identities, state, decision.events, run.observation.context)
  return run.observation
    .within(() => appendWhileHeld(deps, append, run.lease))
    .then(
      (verdict) => {
        if (verdict.kind === 'lease-lost') return 'fenced'
        if (!isStored(verdict)) return recordAgain(deps, run, state, command, lost + 1)
        run.observation.recorded(append.events, verdict.recordedAt)
        if (append.head.status === 'PENDING') deps.announcer.announce(toRecordedTask(change, verdict.recordedAt))
        return 'recorded'
      },
      (error: unknown) => {
        if (!(error instanceof UnstorableAppendError) || isUnstorable(command)) throw error
        return record(deps, run, state, toUnstorable(run.task, error), lost)
      },
    )
}

const fenced: Promise<FinishOutcome> = Promise.resolve('fenced')

const recordAgain = async (
  deps: FinishRunDeps,
  run: RunToRecord,
  state: Task,
  command: FinishCommand,
  lost: number,
): Promise<FinishOutcome> => {
  const loaded = await loadWhileHeld(deps, state, run.lease)
  if (loaded === undefined || !isOfRun(loaded, run.task)) return 'fenced'
  if (loaded.version === state.version) await repairLostRace(deps, loaded)
  if (lost === racesMax) throw new Error(`lost ${racesMax} races`)
  return record(deps, run, loaded, command, lost)
}

/** After a failover that lost commits, a run of another claim may have the same number. */
const isOfRun = (loaded: Task, { claim }: RunningTask): boolean =>
  loaded.status !== 'PROCESSING' || loaded.claim === claim

const unstorableName = 'OutcomeUnstorable'

const isUnstorable = (command: FinishCommand): boolean =>
  command.type === 'Fail' && command.error.name === unstorableName

const toUnstorable = (task: RunningTask, error: UnstorableAppendError): Fail => ({
  type: 'Fail',
  run: task.run,
  cause: 'permanent-error',
  error: { name: unstorableName, message: `the outcome of the run could not be stored: ${error.message}` },
  ending: 'thrown',
  random: 0,
})

/** Undefined: the lease was lost before the store answered, or the task is gone. */
const loadWhileHeld = async (deps: FinishRunDeps, known: Task, lease: Lease): Promise<Task | undefined> => {
  const { timers, random, logger } = deps.runtime
  return askUntilAnswered(
    async () => {
      if (!lease.isHeld()) return undefined
      const state = fold((await deps.store.loadStream(known.taskId)).events)
      return state.status === 'NONE' ? undefined : state
    },
    {
      isPassing: (error) => !isUnreadable(error),
      sleep: (delayMs) => timers.sleep(delayMs, lease.signal),
      random,
      onFirstFailure: (error) => logger.debug({ taskId: known.taskId, err: error }, 'a stream will be loaded again'),
    },
  )
}

/** If repairing fails, the next race is lost too and the head is repaired then. */
const repairLostRace = async ({ index, runtime }: FinishRunDeps, task: Task): Promise<void> => {
  try {
    await repairHead({ index, count: runtime.count }, task)
  } catch (error) {
    runtime.logger.debug({ taskId: task.taskId, err: error }, 'a head was not repaired')
  }
}
