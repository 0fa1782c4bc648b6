import { z } from 'zod'

const instant = z.iso.datetime({ precision: 3 })

export const queuesView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          queue: z.string(),
          ready: z.int(),
          scheduled: z.int(),
          retrying: z.int(),
          running: z.int(),
          failed: z.int(),
          oldestReadyAgeMs: z.int().nullable(),
        })
        .meta({ id: 'Queue' }),
    ),
  })
  .meta({ id: 'Queues' })

export const workersView = z
  .strictObject({
    items: z.array(
      z
        .strictObject({
          id: z.uuid(),
          host: z.string(),
          pid: z.int(),
          queues: z.array(z.string()).meta({ description: '`["*"]` when it serves every queue.' }),
          types: z.array(z.string()),
          concurrency: z.int(),
          running: z.int(),
          startedAt: instant,
          lastBeatAt: instant,
          state: z.enum(['live', 'draining', 'silent']),
        })
        .meta({ id: 'Worker' }),
    ),
  })
  .meta({ id: 'Workers' })

export const infoView = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    roles: z.array(z.string()),
    store: z.string(),
    queue: z.string(),
    startedAt: instant,
    uptimeMs: z.int(),
  })
  .meta({ id: 'Info' })

export const readinessView = z
  .strictObject({
    status: z.enum(['ready', 'not-ready']),
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), message: z.string() })),
  })
  .meta({ id: 'Readiness' })

export const livenessView = z.strictObject({ status: z.literal('live') }).meta({ id: 'Liveness' })
