import { plantIn } from '../support/mutant.ts'

const runs = 'test/adapters/telemetry/metrics/measured-runs.test.ts'
const observed = 'test/adapters/telemetry/metrics/observed-store.test.ts'
const area = 'telemetry'

const measuredRuns = plantIn({ area, file: 'src/adapters/telemetry/metrics/measured-runs.ts', suites: [runs] }, [
  {
    name: 'measures the time to start from the submission',
    find: 'const waitedMs = (task.times.startedAt ?? task.times.readyAt) - task.times.readyAt',
    put: 'const waitedMs = (task.times.startedAt ?? task.times.readyAt) - task.times.submittedAt',
  },
  {
    name: 'measures the time to start in milliseconds',
    find: 'Math.max(0, waitedMs) / 1_000',
    put: 'Math.max(0, waitedMs)',
  },
  {
    name: 'measures a run from when it was ready',
    find: '(recordedAt - (task.times.startedAt ?? recordedAt)) / 1_000',
    put: '(recordedAt - task.times.readyAt) / 1_000',
  },
  {
    name: 'counts a task as ended with each attempt',
    find: 'if (isEnd(outcome)) this.#metrics.endToEnd',
    put: 'if (outcome.length > 0) this.#metrics.endToEnd',
  },
])

const observedStore = plantIn({ area, file: 'src/adapters/telemetry/metrics/observed-store.ts', suites: [observed] }, [
  {
    name: 'counts a task that another request has made',
    find: "if (verdict.members[index]?.kind !== 'duplicate') note(append, metrics, logger)",
    put: 'if (index >= 0) note(append, metrics, logger)',
  },
  {
    name: 'counts appends that were not stored',
    find: 'if (isStored(verdict)) note(append, metrics, logger)',
    put: "if (isStored(verdict) || verdict.kind === 'duplicate') note(append, metrics, logger)",
  },
  {
    name: 'writes the message of an error into the log',
    find: 'errorName: error.name,',
    put: 'errorName: `${error.name}: ${error.message}`,',
  },
])

const outcomes = plantIn({ area, file: 'src/adapters/telemetry/metrics/outcomes.ts', suites: [observed, runs] }, [
  {
    name: 'counts an attempt that is tried again as failed for good',
    find: "return event.data.final ? 'failed' : 'retried'",
    put: "return 'failed'",
  },
  {
    name: 'counts an attempt that was handed back as an end',
    find: "outcome !== 'retried' && outcome !== 'released'",
    put: "outcome !== 'retried'",
  },
])

export const telemetry = [...measuredRuns, ...observedStore, ...outcomes]
