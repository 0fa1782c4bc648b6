import { z } from 'zod'
import type { ReadHealth } from '#application/health/health.ts'
import { anyQuery, createEndpoint, type Endpoint, noBody } from '../../endpoint.ts'

const livenessView = z.strictObject({ status: z.literal('live') }).meta({ id: 'Liveness' })

const readinessView = z
  .strictObject({
    status: z.enum(['ready', 'not-ready']),
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), message: z.string() })),
  })
  .meta({ id: 'Readiness' })

const readyExample = { status: 'ready', checks: [{ name: 'postgres', ok: true, message: 'answered 0.4 s ago' }] }
const notReadyExample = { status: 'not-ready', checks: [{ name: 'postgres', ok: false, message: 'silent for 6 s' }] }

/** `GET /livez` and `GET /readyz`, which processes of every role serve. Probes may carry any query. */
export const createHealthEndpoints = (readHealth: ReadHealth): readonly Endpoint[] => [
  createEndpoint({
    method: 'GET',
    path: '/livez',
    operationId: 'getLiveness',
    summary: 'Whether the process answers',
    query: anyQuery,
    body: noBody,
    answers: { 200: { description: 'It does.', schema: livenessView, example: { status: 'live' } } },
    refusals: [],
    admission: 'vital',
    handle: () => ({ status: 200, body: '{"status":"live"}' }),
  }),
  createEndpoint({
    method: 'GET',
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Whether everything the process depends on answered lately',
    query: anyQuery,
    body: noBody,
    answers: {
      200: { description: 'Everything did.', schema: readinessView, example: readyExample },
      503: { description: 'Something did not.', schema: readinessView, example: notReadyExample },
    },
    refusals: [],
    admission: 'vital',
    handle: () => {
      const checks = readHealth().map(({ name, ok, message }) => ({ name, ok, message }))
      const isReady = checks.every((check) => check.ok)
      const body = JSON.stringify({ status: isReady ? 'ready' : 'not-ready', checks })
      return { status: isReady ? 200 : 503, body }
    },
  }),
]
