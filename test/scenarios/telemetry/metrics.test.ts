import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { submit, until, untilStatus } from '../support/http.ts'
import { startTaskfold } from '../support/process.ts'
import { sendTo, startOtlpReceiver } from './support/otlp-receiver.ts'

let fleet: Fleet

beforeEach(async () => {
  fleet = await createFleet()
})

afterEach(() => fleet.close())

const readMetrics = async (url: string): Promise<readonly string[]> => {
  const response = await fetch(`${url}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return (await response.text()).split('\n')
}

const valueOf = (lines: readonly string[], series: string): number | undefined => {
  const line = lines.find((text) => text.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe('processes of single roles', () => {
  it('each serve what they measured: submissions, runs, and how much waits', async () => {
    const api = await fleet.start(['api'])
    const worker = await fleet.start(['worker'])
    const maintenance = await fleet.start(['maintenance'])
    const task = await submit(api.url, { type: 'demo.echo', payload: null })
    await submit(api.url, { type: 'demo.echo', payload: null, delayMs: 3_600_000 })
    await untilStatus(api.url, task.id, 'SUCCESS')

    const submitted = await readMetrics(api.url)
    expect(valueOf(submitted, 'taskfold_tasks_submitted_total{type="demo.echo"}')).toBe(2)
    expect(valueOf(submitted, 'taskfold_commit_size_count')).toBeGreaterThanOrEqual(1)
    const run = await readMetrics(worker.url)
    expect(valueOf(run, 'taskfold_attempts_started_total{type="demo.echo"}')).toBe(1)
    expect(valueOf(run, 'taskfold_attempts_finished_total{type="demo.echo",outcome="succeeded"}')).toBe(1)
    expect(valueOf(run, 'taskfold_task_time_to_start_seconds_count{type="demo.echo"}')).toBe(1)
    expect(valueOf(run, 'taskfold_task_duration_seconds_count{type="demo.echo",outcome="succeeded"}')).toBe(1)
    const waiting = await readMetrics(maintenance.url)
    expect(valueOf(waiting, 'taskfold_queue_tasks{queue="default",state="scheduled"}')).toBe(1)
    expect(valueOf(waiting, 'taskfold_queue_oldest_ready_age_seconds{queue="default"}')).toBe(0)
    await until('a sweep', async () =>
      (valueOf(await readMetrics(maintenance.url), 'taskfold_passes_total{pass="sweep"}') ?? 0) > 0 ? true : undefined,
    )
    expect(run.filter((line) => line.startsWith('taskfold_queue_tasks'))).toEqual([])
  })
})

describe('a process without any variable of OpenTelemetry', () => {
  it('loads nothing of it before somebody asks for its metrics', async () => {
    const entry = join(import.meta.dirname, '../support/name-loaded.ts')
    const taskfold = await startTaskfold({ env: { DATABASE_URL: fleet.database.url }, entry })
    const task = await submit(taskfold.url, { type: 'demo.echo', payload: null })
    await untilStatus(taskfold.url, task.id, 'SUCCESS')
    // The interface without anything behind it is loaded by others.
    const loaded = (): readonly string[] =>
      taskfold.logs.filter((line) => /^loaded .*@opentelemetry\/(?!api\/)/.test(line))
    expect(loaded()).toEqual([])
    await readMetrics(taskfold.url)
    // Proves that what is loaded would have been seen.
    expect(await until('the exporter', async () => (loaded().length > 0 ? loaded() : undefined))).not.toEqual([])
    expect(loaded().some((line) => line.includes('@opentelemetry/sdk-node'))).toBe(false)
  })
})

describe('a process that sends its metrics', () => {
  it('sends the same by OTLP', async () => {
    const receiver = await startOtlpReceiver()
    try {
      const taskfold = await fleet.start([], { ...sendTo(receiver), OTEL_TRACES_EXPORTER: 'none' })
      const task = await submit(taskfold.url, { type: 'demo.echo', payload: null })
      await untilStatus(taskfold.url, task.id, 'SUCCESS')
      const names = ['taskfold.tasks.submitted', 'taskfold.task.duration', 'taskfold.queue.tasks', 'process.cpu.time']
      await until('every metric', async () =>
        names.every((name) => receiver.metricNames.has(name)) ? true : undefined,
      )
      expect(receiver.spans).toEqual([])
    } finally {
      await receiver.close()
    }
  })
})
