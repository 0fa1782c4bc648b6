import { type HrTime, ValueType } from '@opentelemetry/api'
import { hrTime, millisToHrTime } from '@opentelemetry/core'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, DataPointType, type MetricData, MeterProvider } from '@opentelemetry/sdk-metrics'
import {
  type Counter,
  type Description,
  type Gauge,
  type Histogram,
  type Labels,
  type Readings,
  toAttributes,
} from './instruments.ts'

/**
 * Writes all metrics as Prometheus reads them. Loaded by the first reading: the SDK takes longer to load than the rest of
 * this process together.
 */
export const createPrometheusText = (): ((readings: Readings) => Promise<string>) => {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({ readers: [exporter] })
  provider.getMeter('taskfold')
  const serializer = new PrometheusSerializer('', false, undefined, true, true)
  const startTime = millisToHrTime(performance.timeOrigin)
  return async ({ counters, histograms, gauges }) => {
    const { resourceMetrics } = await exporter.collect()
    const times = { startTime, endTime: hrTime() }
    const metrics = [
      ...counters.map((counter) => toSum(counter, times)),
      ...gauges.map((gauge) => (gauge.kind === 'sum' ? toSum(gauge, times) : toGauge(gauge, times))),
      ...histograms.map((histogram) => toHistogram(histogram, times)),
    ]
    const scopeMetrics = [{ scope: { name: 'taskfold' }, metrics }]
    return `${serializer.serialize({ resource: resourceMetrics.resource, scopeMetrics })}\n`
  }
}

interface Times {
  readonly startTime: HrTime
  readonly endTime: HrTime
}

const shared = { aggregationTemporality: AggregationTemporality.CUMULATIVE } as const

const toSum = (source: Counter | Gauge, times: Times): MetricData => ({
  ...shared,
  descriptor: toDescriptor(source),
  dataPointType: DataPointType.SUM,
  isMonotonic: true,
  dataPoints: toPoints(source, source.read(), times),
})

const toGauge = (source: Gauge, times: Times): MetricData => ({
  ...shared,
  descriptor: toDescriptor(source),
  dataPointType: DataPointType.GAUGE,
  dataPoints: toPoints(source, source.read(), times),
})

const toHistogram = (source: Histogram, times: Times): MetricData => ({
  ...shared,
  descriptor: toDescriptor(source),
  dataPointType: DataPointType.HISTOGRAM,
  dataPoints: toPoints(
    source,
    source.read().map(({ labels, value: { count, sum, counts } }) => ({
      labels,
      value: { count, sum, buckets: { boundaries: [...source.boundaries], counts: [...counts] } },
    })),
    times,
  ),
})

const toPoints = <Value>(
  { labels: names }: Description,
  series: readonly { readonly labels: Labels; readonly value: Value }[],
  times: Times,
) => series.map(({ labels, value }) => ({ ...times, attributes: toAttributes(names, labels), value }))

/** Prometheus has the unit in the name; OpenTelemetry has it beside it. */
const unitSuffixes: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' }

const toDescriptor = ({ name, unit, description }: Description) => ({
  name: `${name}${unitSuffixes[unit] ?? ''}`,
  description,
  // Without it no UNIT line is written, which only OpenMetrics knows.
  unit: '',
  valueType: ValueType.DOUBLE,
})
