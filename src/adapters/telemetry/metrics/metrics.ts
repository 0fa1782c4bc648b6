import type { CountName } from '#application/ports/surroundings/counts.ts'
import { type Counter, createCounter, createHistogram, type Histogram, other } from './instruments.ts'

/** Everything that this process measures while it works. A value that is looked up when metrics are read is a gauge: gauges.ts. */
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

/** Answers a name as a label, or `other` when the names before it have used up the limit. */
export type LabelLimit = (name: string) => string

/** Task types and queues, beyond the types this process has handlers for, that get series of their own. */
const labelsMax = 50

/** From handlers of milliseconds to handlers of an hour. */
const secondsBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600]
const commitSecondsBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
const commitSizeBoundaries = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000]

export const createMetrics = (knownTypes: Iterable<string>): Metrics => {
  const tasks = createTaskCounters()
  const durations = createDurations()
  const named = createNamedCounters()
  const { submitted, started, finished, conflicts } = tasks
  const { timeToStart, runTime, endToEnd, commitTime, commitSize } = durations
  return {
    submitted,
    started,
    finished,
    conflicts,
    timeToStart,
    runTime,
    endToEnd,
    commitTime,
    commitSize,
    counted: named.count,
    limitType: createLabelLimit(knownTypes, labelsMax),
    limitQueue: createLabelLimit(['default'], labelsMax),
    counters: [...Object.values(tasks), ...named.counters],
    histograms: Object.values(durations),
  }
}

/**
 * Lets the known names through, and the first `max` others: submitters may invent names, and a series for each would fill
 * the memory of this process and of the server that stores its metrics.
 */
const createLabelLimit = (known: Iterable<string>, max: number): LabelLimit => {
  const names = new Set(known)
  const most = names.size + max
  return (name) => {
    if (names.has(name)) return name
    if (names.size >= most) return other
    names.add(name)
    return name
  }
}

const createTaskCounters = () => {
  const counter = (name: string, unit: string, labels: readonly string[], description: string) =>
    createCounter({ name, unit, labels, description })
  return {
    submitted: counter('taskfold.tasks.submitted', '{task}', ['type'], 'Tasks made durable.'),
    started: counter('taskfold.attempts.started', '{task}', ['type'], 'Attempts claimed.'),
    finished: counter(
      'taskfold.attempts.finished',
      '{task}',
      ['type', 'outcome'],
      'Attempts with a recorded outcome, and tasks that were cancelled while they waited.',
    ),
    conflicts: counter('taskfold.append.conflicts', '{append}', [], 'Appends that lost a race.'),
  }
}

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
  // Shown as zero from the start, so that an alert on a rate sees the first event.
  for (const [place, ...labels] of Object.values(places)) place.add(0, ...labels)
  return {
    count: (name: CountName, by = 1): void => {
      const [place, ...labels] = places[name]
      place.add(by, ...labels)
    },
    counters: [...new Set(Object.values(places).map(([place]) => place))],
  }
}
