import { decide } from '#domain/task/decide.ts'
import { fold } from '#domain/task/evolve.ts'
import type { Fail, Release, Succeed } from '#domain/task/commands.ts'
import { toHead } from '#domain/task/head.ts'
import type { RunningTask, Task } from '#domain/task/state.ts'
import type { Count } from '../ports/surroundings/counts.ts'
import { isStored, UnstorableAppendError } from '../ports/events/event-store.ts'
import type { Identities } from '../ports/surroundings/identities.ts'
import { type RunObservation, unobservedRun } from '../ports/surroundings/run-observer.ts'
import type { TaskIndex } from '../ports/heads/task-index.ts'
import { backOffMs } from '../mechanisms/back-off.ts'
import { taskAfter, toAppend } from '../commands/change-task.ts'
import { appendPersistently, type PersistentAppendDeps } from './persistent-append.ts'
import { noTrace } from './task-trace.ts'
import type { ReadyAnnouncer } from '../hints/announcer.ts'
import type { Lease } from './lease.ts'

export interface FinishRunDeps extends PersistentAppendDeps {
  readonly index: TaskIndex
  readonly identities: Identities
  readonly announcer: ReadyAnnouncer
  readonly count: Count
}

export type FinishCommand = Succeed | Fail | Release

/** `recorded`: what became of the run is durable. `fenced`: it was not recorded, and another run may be in force. */
export type FinishOutcome = 'recorded' | 'fenced'

/** Lost races of one outcome. Only a request to cancel can come between, so more mean that something is badly wrong. */
const racesMax = 20

/**
 * Records how a run ended, and hints at the task if it is to run again.
 *
 * A store that is away or overloaded is asked again for as long as the lease is in force. After a lost race the stream
 * decides: while the run is in force the outcome is decided anew (a cancel may have come between), and only another run
 * means fenced. An outcome that cannot be stored becomes a permanent failure that says so. Never throws.
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
    deps.count('outcomes-fenced')
    return 'fenced'
  }
  return begin(() => record(deps, { task, lease, observation }, task, command, 0)).then(
    (outcome) => (outcome === 'recorded' ? outcome : fence()),
    (error: unknown) => {
      deps.logger.error({ taskId: task.taskId, run: task.run, err: error }, 'the outcome of a run was not recorded')
      return fence()
    },
  )
}

/** What is thrown before there is a promise comes out of it all the same. */
const begin = <Result>(work: () => Promise<Result>): Promise<Result> => {
  try {
    return work()
  } catch (error) {
    return Promise.reject(error)
  }
}

interface EndedRun {
  readonly task: RunningTask
  readonly lease: Lease
  readonly observation: RunObservation
}

/** Not async: what waits keeps all it has seen until it goes on, and the outcome of everything that runs waits here. */
const record = (
  deps: FinishRunDeps,
  run: EndedRun,
  state: Task,
  command: FinishCommand,
  lost: number,
): Promise<FinishOutcome> => {
  const decision = decide(state, command)
  if (decision.kind === 'rejected') return fenced
  const append = toAppend(deps, state, decision.events, run.observation.context)
  return run.observation
    .within(() => appendPersistently(deps, append, run.lease))
    .then(
      (verdict) => {
        if (verdict.kind === 'lease-lost') return 'fenced'
        if (!isStored(verdict)) return recordAgain(deps, run, state, command, lost + 1)
        run.observation.recorded(append.events, verdict.recordedAt)
        if (append.head.status === 'PENDING') deps.announcer.announce(taskAfter(state, append, verdict))
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
  run: EndedRun,
  state: Task,
  command: FinishCommand,
  lost: number,
): Promise<FinishOutcome> => {
  const loaded = await loadPersistently(deps, state, run.lease)
  if (loaded === undefined) return 'fenced'
  if (loaded.version === state.version) await repairHead(deps, loaded)
  if (lost === racesMax) throw new Error(`lost ${racesMax} races`)
  return record(deps, run, loaded, command, lost)
}

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

const loadPersistently = async (deps: FinishRunDeps, known: Task, lease: Lease): Promise<Task | undefined> => {
  for (let failures = 0; lease.isHeld(); failures += 1) {
    try {
      const state = fold((await deps.store.loadStream(known.taskId)).events)
      return state.status === 'NONE' ? undefined : state
    } catch (error) {
      if (failures === 0) deps.logger.debug({ taskId: known.taskId, err: error }, 'a stream will be loaded again')
      await deps.timers.sleep(backOffMs(failures, deps.random()), lease.signal)
    }
  }
  return undefined
}

/** A stream that lost a race and did not move has a head unlike its fold. If repairing fails the next race is lost too. */
const repairHead = async (deps: FinishRunDeps, task: Task): Promise<void> => {
  try {
    if ((await deps.index.repairHead(toHead(task))) === 'repaired') deps.count('heads-repaired')
  } catch (error) {
    deps.logger.debug({ taskId: task.taskId, err: error }, 'a head was not repaired')
  }
}
