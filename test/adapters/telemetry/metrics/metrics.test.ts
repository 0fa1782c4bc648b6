import { describe, expect, it } from 'vitest'
import { createMetrics } from '#adapters/telemetry/metrics/metrics.ts'
import { createPrometheusText } from '#adapters/telemetry/metrics/prometheus-text.ts'

const write = createPrometheusText()

describe('labels', () => {
  it('of a million task types make no more series than the first fifty and one for the others', async () => {
    const metrics = createMetrics(['known.one', 'known.two'])
    for (let index = 0; index < 1_000_000; index += 1) metrics.submitted.add(1, metrics.limitType(`invented.${index}`))
    metrics.submitted.add(1, metrics.limitType('known.two'))
    const series = metrics.submitted.read()
    expect(series).toHaveLength(52)
    expect(series.find(({ labels }) => labels[0] === 'other')?.value).toBe(999_950)
    expect(series.find(({ labels }) => labels[0] === 'known.two')?.value).toBe(1)
    const text = await write({ ...metrics, gauges: [] })
    expect(text.split('\n').filter((line) => line.startsWith('taskfold_tasks_submitted_total{'))).toHaveLength(52)
  })

  it('in more combinations than an instrument may have fall together as well', () => {
    const metrics = createMetrics([])
    for (let index = 0; index < 10_000; index += 1) metrics.finished.add(1, `type ${index}`, 'succeeded')
    expect(metrics.finished.read().length).toBeLessThanOrEqual(2_001)
    expect(metrics.finished.read().reduce((sum, { value }) => sum + value, 0)).toBe(10_000)
  })
})

describe('the text for Prometheus', () => {
  it('has a distribution with its boundaries, each counting what lies at or below it', async () => {
    const metrics = createMetrics(['a'])
    for (const seconds of [0.005, 0.02, 7_200]) metrics.timeToStart.record(seconds, 'a')
    const lines = (await write({ ...metrics, gauges: [] })).split('\n')
    expect(lines).toContain('# TYPE taskfold_task_time_to_start_seconds histogram')
    expect(lines).toContain('taskfold_task_time_to_start_seconds_bucket{type="a",le="0.005"} 1')
    expect(lines).toContain('taskfold_task_time_to_start_seconds_bucket{type="a",le="0.025"} 2')
    expect(lines).toContain('taskfold_task_time_to_start_seconds_bucket{type="a",le="3600"} 2')
    expect(lines).toContain('taskfold_task_time_to_start_seconds_bucket{type="a",le="+Inf"} 3')
    expect(lines).toContain('taskfold_task_time_to_start_seconds_count{type="a"} 3')
  })

  it('shows as zero what has not happened yet, so that a rate sees the first time', async () => {
    const lines = (await write({ ...createMetrics([]), gauges: [] })).split('\n')
    expect(lines).toContain('taskfold_workers_lost_total 0')
    expect(lines).toContain('taskfold_append_conflicts_total 0')
    expect(lines).toContain('taskfold_hints_dropped_total{reason="conflict"} 0')
  })

  it('escapes what a type is called', async () => {
    const metrics = createMetrics([])
    metrics.submitted.add(1, metrics.limitType('a"b\\c\nd'))
    expect(await write({ ...metrics, gauges: [] })).toContain('{type="a\\"b\\\\c\\nd"} 1')
  })
})
