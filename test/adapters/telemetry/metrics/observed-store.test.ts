import { describe, expect, it } from 'vitest'
import { createMetrics } from '#adapters/telemetry/metrics/metrics.ts'
import { createObservedEventStore } from '#adapters/telemetry/metrics/observed-store.ts'
import { type TaskCommand } from '#domain/task/commands.ts'
import { noTask, type Task } from '#domain/task/state.ts'
import { mintIncarnation } from '../../../support/ids.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { appendCommand, makeAppend, makeKey, makeSubmission, submit } from '../../../support/task-builders.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const context = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, reason: 'planted-reason' }
const secret = 'planted-secret'

const createObserved = () => {
  const world = createMemoryWorld()
  const metrics = createMetrics([])
  return { world, metrics, store: createObservedEventStore(world.store, metrics, world.logger) }
}

const start = (now: number): TaskCommand => ({ type: 'Start', incarnation: mintIncarnation(), now })

const fail = (task: Task): TaskCommand => ({
  type: 'Fail',
  run: task.version,
  cause: 'handler-error',
  error: {
    name: 'TypeError',
    message: `could not use ${secret}`,
    stack: `at ${secret}`,
    causes: [{ name: 'Error', message: secret, code: 'ECONNREFUSED' }],
  },
  ending: 'thrown',
  random: 0,
})

describe('a task that fails once and is then cancelled', () => {
  const observe = async () => {
    const { world, metrics, store } = createObserved()
    const submission = makeSubmission({ payload: JSON.stringify({ secret }) })
    const submitted = await appendCommand(store, noTask, submit(submission), { context })
    const started = await appendCommand(store, submitted, start(world.storeClock.now()), { context })
    const failed = await appendCommand(store, started, fail(started), { context })
    await appendCommand(store, failed, { type: 'Cancel' }, { context })
    return { world, metrics, submission, taskId: submitted.taskId }
  }

  it('is a line for each change, with the task, the attempt and the trace', async () => {
    const { world, taskId } = await observe()
    expect(world.logger.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'debug: a task was submitted',
      'debug: an attempt was started',
      'info: an attempt failed and will be followed by another',
      'info: a task was cancelled',
    ])
    expect(world.logger.lines.map(({ fields }) => fields['attempt'])).toEqual([0, 1, 1, 1])
    for (const { fields } of world.logger.lines) expect(fields).toMatchObject({ taskId, traceId })
  })

  it('tells nothing of what it was given, of its error but the name, and of who asked why', async () => {
    const { world } = await observe()
    expect(JSON.stringify(world.logger.lines)).not.toMatch(/planted/)
    expect(world.logger.lines[2]?.fields).toMatchObject({
      cause: 'handler-error',
      errorName: 'TypeError',
      errorCauses: ['Error ECONNREFUSED'],
    })
  })

  it('is counted once for each change', async () => {
    const { metrics, submission } = await observe()
    expect(metrics.submitted.read()).toEqual([{ labels: [submission.type], value: 1 }])
    expect(metrics.started.read()).toEqual([{ labels: [submission.type], value: 1 }])
    expect(metrics.finished.read()).toEqual([
      { labels: [submission.type, 'retried'], value: 1 },
      { labels: [submission.type, 'cancelled'], value: 1 },
    ])
  })
})

describe('an append that loses a race', () => {
  it('is counted as a conflict and as nothing else', async () => {
    const { world, metrics, store } = createObserved()
    const submitted = await appendCommand(store, noTask, submit())
    await appendCommand(store, submitted, { type: 'Cancel' })
    const lines = world.logger.lines.length
    expect(await store.append(makeAppend(submitted, start(world.storeClock.now())))).toMatchObject({ kind: 'conflict' })
    expect(metrics.conflicts.read()).toEqual([{ labels: [], value: 1 }])
    expect(metrics.started.read()).toEqual([])
    expect(world.logger.lines).toHaveLength(lines)
  })
})

describe('an append whose key another task holds', () => {
  const submission = makeSubmission()

  it('is counted as nothing, alone and among others', async () => {
    const { world, metrics, store } = createObserved()
    const key = makeKey()
    const makeFirst = () => makeAppend(noTask, submit(submission), { key })
    await store.append(makeFirst())
    const lines = world.logger.lines.length
    expect(await store.append(makeFirst())).toMatchObject({ kind: 'duplicate' })
    expect(metrics.submitted.read()).toEqual([{ labels: [submission.type], value: 1 }])
    expect(world.logger.lines).toHaveLength(lines)
    const together = [makeFirst(), makeAppend(noTask, submit(submission))]
    expect(await store.appendAll(together)).toMatchObject({ members: [{ kind: 'duplicate' }, { kind: 'stored' }] })
    expect(metrics.submitted.read()).toEqual([{ labels: [submission.type], value: 2 }])
    expect(metrics.conflicts.read()).toEqual([{ labels: [], value: 0 }])
  })
})
