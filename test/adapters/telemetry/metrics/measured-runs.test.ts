import { describe, expect, it } from 'vitest'
import { createMeasuredRuns } from '#adapters/telemetry/metrics/measured-runs.ts'
import type { HistogramValue, Series } from '#adapters/telemetry/metrics/instruments.ts'
import { createMetrics } from '#adapters/telemetry/metrics/metrics.ts'
import { noTrace } from '#application/runs/task-trace.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import type { Task } from '#domain/task/state.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { fail, release, start, succeed } from '../../../support/run-commands.ts'
import { makeAppend, makeSubmission, submitTo, toTask } from '../../../support/task-builders.ts'

/** A task due 5 s after its submission, whose attempts are measured. Times are in milliseconds of the store's clock. */
const setUp = async () => {
  const world = createMemoryWorld()
  const metrics = createMetrics(['work'])
  const observer = createMeasuredRuns(metrics)
  const submission = makeSubmission({
    type: 'work',
    retry: { strategy: 'fixed', baseMs: 1_000, maxMs: 1_000, jitter: 'none' },
  })
  let task: Task = await submitTo(world, submission, { delayMs: 5_000 })

  const append = async (command: TaskCommand) => {
    const planned = makeAppend(task, command)
    const verdict = await world.store.append(planned)
    if (verdict.kind !== 'appended') throw new Error(`it met ${verdict.kind}`)
    task = toTask(task, planned, verdict.recordedAt)
    return { events: planned.events, recordedAt: verdict.recordedAt }
  }

  /** One attempt, begun `lateMs` after it was ready and ended `forMs` later. */
  const attempt = async (lateMs: number, forMs: number, toEnd: (running: Task) => TaskCommand) => {
    await world.advance(Math.max(0, task.times.readyAt - world.storeClock.now()) + lateMs)
    const observation = observer.observe(task, noTrace)
    await append(start(task))
    if (task.status !== 'PROCESSING') throw new Error(`it is ${task.status}`)
    observation.started(task)
    await world.advance(forMs)
    const { events, recordedAt } = await append(toEnd(task))
    observation.recorded(events, recordedAt)
  }
  return { metrics, attempt }
}

/** How often, and how long together in seconds, by the labels. */
const totals = (series: readonly Series<HistogramValue>[]) =>
  series.map(({ labels, value: { count, sum } }) => [...labels, count, sum])

describe('the durations of a task that is tried again', () => {
  it('are those from ready to started, from started to recorded, and from submitted to ended', async () => {
    const { metrics, attempt } = await setUp()
    await attempt(250, 2_000, (running) => fail(running))
    await attempt(0, 500, release)
    await attempt(1_500, 4_000, (running) => succeed(running))
    expect(totals(metrics.timeToStart.read())).toEqual([['work', 3, 0.25 + 0 + 2]])
    expect(totals(metrics.runTime.read())).toEqual([
      ['work', 'retried', 1, 2],
      ['work', 'released', 1, 0.5],
      ['work', 'succeeded', 1, 4],
    ])
    expect(totals(metrics.endToEnd.read())).toEqual([['work', 'succeeded', 1, 5 + 0.25 + 2 + 1 + 0.5 + 1.5 + 4]])
  })
})
