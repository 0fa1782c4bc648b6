import { anyQuery, createEndpoint, noBody, type Endpoint } from '../../endpoint.ts'

const mediaType = 'text/plain; version=0.0.4; charset=utf-8'

/** `GET /metrics`: what this process measured, as Prometheus reads it. Processes of every role serve it. */
export const createMetricsEndpoint = (readMetrics: () => Promise<string>): Endpoint =>
  createEndpoint({
    method: 'GET',
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Metrics for Prometheus',
    query: anyQuery,
    body: noBody,
    answers: { 200: { description: 'The text format of Prometheus.', mediaType: 'text/plain' } },
    refusals: [],
    admission: 'vital',
    handle: async () => ({ status: 200, body: await readMetrics(), mediaType }),
  })
