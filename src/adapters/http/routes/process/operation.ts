import type { ReadHealth } from '#application/health/health.ts'
import type { Instant } from '#domain/time.ts'
import { anyQuery, createRoute, noBody, noQuery, type Route } from '../../endpoint.ts'
import { infoView, livenessView, readinessView } from '../fleet/fleet-schema.ts'
import { toRfc3339 } from '../tasks/task-view.ts'

/** What this process is. */
export interface ProcessInfo {
  readonly name: string
  readonly version: string
  readonly roles: readonly string[]
  readonly store: string
  readonly queue: string
  readonly startedAt: Instant
  /** Whole milliseconds. */
  readonly uptimeMs: number
}

interface Deps {
  readonly info: () => ProcessInfo
  readonly readHealth: ReadHealth
}

const infoExample = {
  name: 'taskfold',
  version: '0.1.0',
  roles: ['api', 'worker', 'maintenance'],
  store: 'postgres',
  queue: 'redis',
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeMs: 86_400_000,
}

const readyExample = { status: 'ready', checks: [{ name: 'postgres', ok: true, message: 'answered 0.4 s ago' }] }
const notReadyExample = { status: 'not-ready', checks: [{ name: 'postgres', ok: false, message: 'silent for 6 s' }] }

/** `/livez`, `/readyz` and `/api/info`, which every role serves. Probes may carry any query. */
export const createOperationRoutes = ({ info, readHealth }: Deps): readonly Route[] => [
  createRoute({
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
  createRoute({
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
  createRoute({
    method: 'GET',
    path: '/api/info',
    operationId: 'getInfo',
    summary: 'What this process is',
    query: noQuery,
    body: noBody,
    answers: { 200: { description: 'Name, version, roles and adapters.', schema: infoView, example: infoExample } },
    refusals: ['validation-failed'],
    admission: 'vital',
    handle: () => {
      const { name, version, roles, store, queue, startedAt, uptimeMs } = info()
      const shown = { name, version, roles, store, queue, startedAt: toRfc3339(startedAt), uptimeMs }
      return { status: 200, body: JSON.stringify(shown) }
    },
  }),
]
