import { describe, expect, it } from 'vitest'
import { findTelemetrySettings } from '#bootstrap/config.ts'

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
const signalsOf = (given: Readonly<Record<string, string>>) => [...(findTelemetrySettings(given)?.signals ?? [])]

describe('the variables of OpenTelemetry', () => {
  it.each([
    ['nothing', {}, []],
    ['an endpoint for all', endpoint, ['traces', 'metrics', 'logs']],
    ['an endpoint of one', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, ['traces']],
    ['an exporter of one', { OTEL_METRICS_EXPORTER: 'console' }, ['metrics']],
    ['all but one', { ...endpoint, OTEL_LOGS_EXPORTER: 'none' }, ['traces', 'metrics']],
    ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, []],
    ['a sampler alone', { OTEL_TRACES_SAMPLER: 'always_on' }, []],
    ['an endpoint, switched off', { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }, []],
  ])('with %s ask for just that', (_name, given, signals) => {
    expect(signalsOf(given)).toEqual(signals)
  })

  it('name the service, which is taskfold otherwise', () => {
    expect(findTelemetrySettings(endpoint)?.serviceName).toBe('taskfold')
    expect(findTelemetrySettings({ ...endpoint, OTEL_SERVICE_NAME: 'orders' })?.serviceName).toBeUndefined()
    const attributes = { OTEL_RESOURCE_ATTRIBUTES: 'a=b, service.name=orders' }
    expect(findTelemetrySettings({ ...endpoint, ...attributes })?.serviceName).toBeUndefined()
  })
})
