import type { Meter } from '@opentelemetry/api'
import { type Readings, toAttributes } from './instruments.ts'

/**
 * Hands every metric to a meter, which sends it by OTLP. The meter reads counters and gauges when it sends; histograms hand
 * it each value from now on. `refresh` is called before gauges are read.
 */
export const forwardMetrics = (
  meter: Meter,
  { counters, histograms, gauges }: Readings,
  refresh: () => Promise<void>,
): void => {
  for (const counter of counters) {
    meter.createObservableCounter(counter.name, counter).addCallback((result) => {
      for (const { labels, value } of counter.read()) result.observe(value, toAttributes(counter.labels, labels))
    })
  }
  for (const gauge of gauges) {
    const instrument =
      gauge.kind === 'sum'
        ? meter.createObservableCounter(gauge.name, gauge)
        : meter.createObservableGauge(gauge.name, gauge)
    instrument.addCallback(async (result) => {
      await refresh()
      for (const { labels, value } of gauge.read()) result.observe(value, toAttributes(gauge.labels, labels))
    })
  }
  for (const histogram of histograms) {
    const instrument = meter.createHistogram(histogram.name, {
      unit: histogram.unit,
      description: histogram.description,
      advice: { explicitBucketBoundaries: [...histogram.boundaries] },
    })
    histogram.forwardTo((value, labels) => instrument.record(value, toAttributes(histogram.labels, labels)))
  }
}
