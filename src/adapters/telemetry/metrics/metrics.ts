import type { CountName } from '#application/ports/surroundings/counts.ts'
import { type Counter, createCounter, createHistogram, type Histogram } from './instruments.ts'
import { createLabelLimit, type LabelLimit } from './label-limit.ts'

/** Everything this process measures while it works. What is only read when somebody asks is a gauge, in `gauges.ts`. */
export interface Metrics {
  readonly submitted: Counter
  readonly started: Counter
  readonly finished: Counter
  readonly conflicts: Counter
  readonly timeToStart: Histogram
  readonly runTime: Histogram
  readonly endToEnd: Histogram
  readonly commitTime: Histogram
  readonly commitSize: Histogram
  /** Counts by the names of the application. */
  readonly counted: (name: CountName, by?: number) => void
  readonly limitType: LabelLimit
  readonly limitQueue: LabelLimit
  readonly counters: readonly Counter[]
  readonly histograms: readonly Histogram[]
}

/** Task types and queues, beyond the types this process has handlers for, that get series of their own. */
const labelsMax = 50

/** From a quick handler to one that takes its hour. */
const secondsBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600]
const commitSecondsBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
const commitSizeBoundaries = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000]

export const createMetrics = (knownTypes: Iterable<string>): Metrics => {
  const tasks = {
    submitted: createCounter({ ...perTask('taskfold.tasks.submitted', ['type']), description: 'Tasks made durable.' }),
    started: createCounter({ ...perTask('taskfold.attempts.started', ['type']), description: 'Attempts claimed.' }),
    finished: createCounter({
      ...perTask('taskfold.attempts.finished', ['type', 'outcome']),
      description: 'Attempts with a recorded outcome, and tasks that were cancelled while they waited.',
    }),
    conflicts: createCounter({
      name: 'taskfold.append.conflicts',
      unit: '{append}',
      labels: [],
      description: 'Appends that lost a race.',
    }),
  }
  const durations = createDurations()
  const named = createNamedCounters()
  return {
    ...tasks,
    ...durations,
    counted: named.count,
    limitType: createLabelLimit(knownTypes, labelsMax),
    limitQueue: createLabelLimit(['default'], labelsMax),
    counters: [...Object.values(tasks), ...named.counters],
    histograms: Object.values(durations),
  }
}

const perTask = (name: string, labels: readonly string[]) => ({ name, unit: '{task}', labels })

const createDurations = () => {
  const seconds = (name: string, labels: readonly string[], description: string, boundaries = secondsBoundaries) =>
    createHistogram({ name, unit: 's', labels, description }, boundaries)
  return {
    timeToStart: seconds('taskfold.task.time_to_start', ['type'], 'From ready to the claim of the attempt.'),
    runTime: seconds('taskfold.attempt.duration', ['type', 'outcome'], 'From the claim to the recorded outcome.'),
    endToEnd: seconds('taskfold.task.duration', ['type', 'outcome'], 'From the submission to the end of the task.'),
    commitTime: seconds('taskfold.commit.duration', [], 'Of one group commit.', commitSecondsBoundaries),
    commitSize: createHistogram(
      { name: 'taskfold.commit.size', unit: '{append}', labels: [], description: 'Appends in one group commit.' },
      commitSizeBoundaries,
    ),
  }
}

/** Which counter, and with which label, a count of the application belongs to. */
const createNamedCounters = () => {
  const counter = (name: string, unit: string, description: string, labels: readonly string[] = []) =>
    createCounter({ name, unit, description, labels })
  const dropped = counter('taskfold.hints.dropped', '{id}', 'Pulled ids that could not be started.', ['reason'])
  const passes = counter('taskfold.passes', '{pass}', 'Passes of recovery that were completed.', ['pass'])
  const lostHints = counter('taskfold.hints.lost', '{id}', 'Hints that never reached the queue.')
  const repaired = counter('taskfold.heads.repaired', '{head}', 'Heads that were unlike their events.')
  const fencedOutcomes = counter('taskfold.outcomes.fenced', '{outcome}', 'Outcomes that were not recorded.')
  const fencedWorkers = counter('taskfold.workers.fenced', '{worker}', 'Times this worker stopped by its own lease.')
  const cutOff = counter('taskfold.handlers.cut_off', '{handler}', 'Handlers that ignored their signal.')
  const lostWorkers = counter('taskfold.workers.lost', '{worker}', 'Workers declared lost.')
  const lostRuns = counter('taskfold.runs.lost', '{run}', 'Runs given back after their worker was lost.')
  const reconciled = counter('taskfold.hints.reconciled', '{id}', 'Ids the reconciler pushed.')
  const places: Readonly<Record<CountName, readonly [Counter, ...string[]]>> = {
    'dropped-not-found': [dropped, 'not-found'],
    'dropped-not-due': [dropped, 'not-due'],
    'dropped-not-startable': [dropped, 'not-startable'],
    'dropped-conflict': [dropped, 'conflict'],
    'dropped-undecodable': [dropped, 'undecodable'],
    'dropped-no-process': [dropped, 'no-process'],
    'hints-lost': [lostHints],
    'heads-repaired': [repaired],
    'outcomes-fenced': [fencedOutcomes],
    'incarnations-fenced': [fencedWorkers],
    'handlers-cut-off': [cutOff],
    'workers-lost': [lostWorkers],
    'runs-lost': [lostRuns],
    reconciled: [reconciled],
    sweeps: [passes, 'sweep'],
    reconciliations: [passes, 'reconcile'],
  }
  // As with counters without labels: zero is shown, too.
  for (const [place, ...labels] of Object.values(places)) place.add(0, ...labels)
  return {
    count: (name: CountName, by = 1): void => {
      const [place, ...labels] = places[name]
      place.add(by, ...labels)
    },
    counters: [...new Set(Object.values(places).map(([place]) => place))],
  }
}
