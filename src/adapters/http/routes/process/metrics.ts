import { anyQuery, createRoute, noBody, type Route } from '../../endpoint.ts'

const mediaType = 'text/plain; version=0.0.4; charset=utf-8'

/** `GET /metrics`: what this process measured, as Prometheus reads it. Every role serves it. */
export const createMetricsRoute = (readMetrics: () => Promise<string>): Route =>
  createRoute({
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
