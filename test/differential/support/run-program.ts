import { createMemoryCounts } from '#adapters/memory/surroundings/counts.ts'
import { changeTask, type ChangeOutcome } from '#application/commands/change-task.ts'
import type { Append, EventStore } from '#application/ports/events/event-store.ts'
import type { Identities } from '#application/ports/surroundings/identities.ts'
import { decide } from '#domain/task/decide.ts'
import type { Incarnation, Run, TaskId } from '#domain/identifiers.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import { toTaskChange } from '#domain/task/change.ts'
import { toHeadChange } from '#domain/task/head.ts'
import { noTask } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import { makeKey, makeSubmission, range } from '../../support/task-builders.ts'
import { actorsMax, type PersonAction, type Step, type SubmissionChoice, toDue } from './program.ts'
import { withoutInstants } from './without-instants.ts'
import { createProgramIdentities, type DifferentialWorld } from './world.ts'

/** The outcome of each step, without instants, and the tasks and appends of the program. */
export interface Course {
  readonly outcomes: readonly unknown[]
  readonly taskIds: readonly TaskId[]
  readonly incarnations: readonly Incarnation[]
}

interface Play {
  /** A store that remembers the appends it was given. */
  readonly world: DifferentialWorld
  readonly bare: DifferentialWorld
  readonly identities: Identities
  /** Of the program alone. */
  readonly route: { readonly queue: string; readonly type: string }
  readonly seed: number
  readonly epochMs: number
  readonly taskIds: TaskId[]
  readonly appends: Append[]
  readonly actors: readonly Incarnation[]
}

export const routeOfProgram = (seed: number) => ({ queue: `queue-${seed}`, type: `type-${seed}` })

/** Runs a program against one world, step by step. */
export const runProgram = async (
  world: DifferentialWorld,
  seed: number,
  epochMs: number,
  program: readonly Step[],
): Promise<Course> => {
  const identities = createProgramIdentities(seed, epochMs)
  const appends: Append[] = []
  const play: Play = {
    world: { ...world, store: recording(world.store, appends) },
    bare: world,
    identities,
    route: routeOfProgram(seed),
    seed,
    epochMs,
    taskIds: [],
    appends,
    actors: range(actorsMax).map(() => identities.mintIncarnation()),
  }
  await world.routes.learn([play.route])
  const outcomes: unknown[] = []
  for (const [place, step] of program.entries()) {
    outcomes.push(withoutInstants(await takeStep(play, step, place).catch(toErrorName)))
  }
  return { outcomes, taskIds: play.taskIds, incarnations: play.actors }
}

const toErrorName = (error: unknown): string => {
  if (error instanceof Error && 'code' in error) return error.name
  throw error
}

/** Remembers appends in the order they were sent, not that of their answers. */
const recording = (store: EventStore, appends: Append[]): EventStore => ({
  ...store,
  append: (append) => {
    appends.push(append)
    return store.append(append)
  },
})

const takeStep = async (play: Play, step: Step, place: number): Promise<unknown> => {
  switch (step.kind) {
    case 'submit':
      return play.world.store.append(makeSubmit(play, step.submission))
    case 'run-command':
      return change(play, at(play.taskIds, step.task), await toRunCommand(play, step))
    case 'person':
      return change(play, at(play.taskIds, step.task), (now) => toPersonCommand(step.action, now), step.ifVersion)
    case 'repeat':
      return play.world.store.append(at(play.appends, step.append))
    case 'stale':
      return play.world.store.append(renamed(play, at(play.appends, step.append)))
    case 'together': {
      const firsts = step.submissions.map((choice) => makeSubmit(play, choice))
      const stale = step.stale === undefined ? [] : [renamed(play, at(play.appends, step.stale))]
      return play.world.store.appendAll([...firsts, ...stale])
    }
    case 'at-once':
      return changeAllAtOnce(play, place, at(play.actors, step.actor), step.action)
  }
}

/** Each with its own identities and its own memory, because the order in which they run is not fixed. */
const changeAllAtOnce = async (
  play: Play,
  place: number,
  incarnation: Incarnation,
  action: 'start' | 'cancel',
): Promise<readonly ChangeOutcome[]> => {
  const plays = play.taskIds.map((_, task) => {
    const appends: Append[] = []
    const identities = createProgramIdentities(play.seed * 1_000_000 + place * 1_000 + task, play.epochMs)
    return { ...play, identities, appends, world: { ...play.bare, store: recording(play.bare.store, appends) } }
  })
  const outcomes = await Promise.all(
    plays.map((own, task) =>
      change(own, at(play.taskIds, task), (now) =>
        action === 'start' ? { type: 'Start', incarnation, now } : { type: 'Cancel' },
      ),
    ),
  )
  play.appends.push(...plays.flatMap((own) => own.appends))
  return outcomes
}

const renamed = (play: Play, append: Append): Append => ({ ...append, appendId: play.identities.mintAppendId() })

const at = <Item>(items: readonly Item[], place: number): Item => {
  const item = items[place % items.length]
  if (item === undefined) throw new RangeError('a program begins with a submission')
  return item
}

const makeSubmit = (play: Play, choice: SubmissionChoice): Append => {
  const { priority, maxAttempts, payload, key } = choice
  const submission = makeSubmission({ ...play.route, priority, maxAttempts, payload })
  const taskId = play.identities.mintTaskId()
  const appendId = play.identities.mintAppendId()
  const decision = decide(noTask, { type: 'Submit', submission, due: toDue(choice, play.epochMs) })
  if (decision.kind === 'rejected') throw new Error('a submission was refused')
  const { events } = decision
  play.taskIds.push(taskId)
  return {
    taskId,
    expectedVersion: 0,
    appendId,
    events,
    head: toHeadChange(toTaskChange(noTask, { taskId, appendId }, events)),
    context: { actor: `submitter of ${play.route.queue}` },
    ...(key && { key: { ...makeKey(key.wish, key.name), scope: `program ${play.seed}` } }),
  }
}

const change = (
  play: Play,
  taskId: TaskId,
  toCommand: (now: Instant) => TaskCommand,
  ifVersion?: number,
): Promise<ChangeOutcome> =>
  changeTask(
    { ...play.world, identities: play.identities, count: createMemoryCounts().count },
    { taskId, toCommand, context: { reason: 'a step' }, ...(ifVersion !== undefined && { ifVersion }) },
  )

const error = { name: 'Error', message: 'the receiver said no', stack: 'Error: the receiver said no\n    at f' }

/** An actor without a run of the task sends a made-up run, which is refused as stale. */
const toRunCommand = async (
  play: Play,
  { action, by, actor, task }: Extract<Step, { kind: 'run-command' }>,
): Promise<(now: Instant) => TaskCommand> => {
  const taskId = at(play.taskIds, task)
  const named = at(play.actors, actor)
  const incarnation = by === 'runner' ? ((await findRunner(play, taskId)) ?? named) : named
  const run = (await findRun(play, incarnation, taskId)) ?? 2
  const failure = { type: 'Fail', run, cause: 'handler-error', error, ending: 'thrown', random: 0.5 } as const
  switch (action) {
    case 'start':
      return (now) => ({ type: 'Start', incarnation, now })
    case 'succeed':
      return () => ({ type: 'Succeed', run, result: '{"done": 1.0}' })
    case 'fail':
      return () => ({ ...failure, retryAfterMs: 0 })
    case 'fail-later':
      return () => ({ ...failure, retryAfterMs: 3_600_000 })
    case 'fail-for-good':
      return () => ({ ...failure, cause: 'permanent-error' })
    case 'crash':
      return () => ({ ...failure, cause: 'crash', retryAfterMs: 0, ending: 'cut-off' })
    case 'release':
      return () => ({ type: 'Release', run })
    case 'lose':
      return () => ({ type: 'DeclareLost', run, incarnation, worker: 'silent' })
  }
}

const findRunner = async (play: Play, taskId: TaskId): Promise<Incarnation | undefined> => {
  for (const actor of play.actors) if ((await findRun(play, actor, taskId)) !== undefined) return actor
  return undefined
}

const findRun = async (play: Play, actor: Incarnation, taskId: TaskId): Promise<Run | undefined> =>
  (await play.world.runs.listRuns(actor, 1_000)).find((head) => head.taskId === taskId)?.run

const toPersonCommand = (action: PersonAction, now: Instant): TaskCommand => {
  switch (action) {
    case 'cancel':
      return { type: 'Cancel' }
    case 'retry':
      return { type: 'Reopen' }
    case 'run-now':
      return { type: 'RunNow', now }
  }
}
