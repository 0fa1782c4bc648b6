import { z } from 'zod'
import type { Instant } from '#domain/time.ts'
import { createEndpoint, type Endpoint, noBody, noQuery } from '../../endpoint.ts'
import { instantView, toRfc3339 } from '../instant-view.ts'

/** What `GET /api/info` tells of this process. */
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

const infoView = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    roles: z.array(z.string()),
    store: z.string(),
    queue: z.string(),
    startedAt: instantView,
    uptimeMs: z.int(),
  })
  .meta({ id: 'Info' })

const infoExample = {
  name: 'taskfold',
  version: '0.1.0',
  roles: ['api', 'worker', 'maintenance'],
  store: 'postgres',
  queue: 'redis',
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeMs: 86_400_000,
}

/** `GET /api/info`, which processes of every role serve. */
export const createInfoEndpoint = (info: () => ProcessInfo): Endpoint =>
  createEndpoint({
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
  })
