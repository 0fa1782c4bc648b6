import type { ReadHealth } from '#application/health/health.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { Instant } from '#domain/time.ts'
import { type AdmissionLimits, createAdmission } from './request/admission.ts'
import { type AccessSettings, createHostJudge } from './access/hosts.ts'
import { createApp } from './app.ts'
import { addBrowserRoutes } from './browser-routes.ts'
import { createFeedTail } from './feed/feed-tail.ts'
import { listen } from './listen.ts'
import type { Endpoint } from './endpoint.ts'
import { createListEventsEndpoint } from './routes/events/list-events.ts'
import { createListTaskEventsEndpoint } from './routes/events/list-task-events.ts'
import { createHealthEndpoints } from './routes/process/health.ts'
import { createInfoEndpoint, type ProcessInfo } from './routes/process/info.ts'
import { createMetricsEndpoint } from './routes/process/metrics.ts'
import { createListQueuesEndpoint } from './routes/queues/list-queues.ts'
import { createReferenceEndpoints } from './routes/reference/docs-page.ts'
import { createOpenApi } from './routes/reference/openapi.ts'
import { createChangeTaskEndpoints } from './routes/tasks/change-task.ts'
import { createExplainTaskEndpoint } from './routes/tasks/explain-task.ts'
import { createGetTaskEndpoint } from './routes/tasks/get-task.ts'
import { createListEffectsEndpoint } from './routes/tasks/effects/list-effects.ts'
import { createSettleEffectEndpoint } from './routes/tasks/effects/settle-effect.ts'
import { createListTasksEndpoint } from './routes/tasks/list-tasks.ts'
import { createSubmitBatchEndpoint } from './routes/tasks/submit/submit-batch.ts'
import { createSubmitTaskEndpoint } from './routes/tasks/submit/submit-task.ts'
import { createListWorkersEndpoint } from './routes/workers/list-workers.ts'

export interface HttpServerDeps {
  /** Undefined in worker and maintenance processes, which serve only what `process` tells. */
  readonly operations: TaskOperations | undefined
  readonly process: ProcessReports
  readonly logger: Logger
  /** The store's clock as estimated. */
  readonly now: () => Instant
  /** Called with the path of the endpoint that answers the current request, parameters as `:id`. */
  readonly nameRoute?: ((path: string) => void) | undefined
  /** The URL that `traceUrl` is made of: `{traceId}` is replaced. Undefined: `traceUrl` is null. */
  readonly traceUrlTemplate?: string | undefined
  readonly access: AccessSettings
  readonly overrides?: ServerOverrides | undefined
}

/** Limits and times that differ from the defaults. */
interface ServerOverrides {
  readonly admission?: Partial<AdmissionLimits>
  readonly feed?: FeedTimes
}

/** What a process of any role tells about itself: `/livez`, `/readyz`, `/api/info` and `/metrics`. */
export interface ProcessReports {
  readonly info: () => ProcessInfo
  readonly readHealth: ReadHealth
  /** Undefined: `/metrics` is not served. */
  readonly readMetrics?: (() => Promise<string>) | undefined
}

/** Times that differ from the defaults. */
interface FeedTimes {
  /** How often the end of the feed is read while a client follows it. */
  readonly pollMs?: number
  /** How long a stream says nothing before it sends a comment. */
  readonly heartbeatMs?: number
}

/** The HTTP interface of one process. */
export interface HttpServer {
  /** Begins to accept connections; port 0 takes any free one. Throws StartupError. */
  listen(host: string, port: number): Promise<{ readonly url: string }>

  /**
   * Stops accepting, ends streams, answers requests that wait with the task as it stands, closes idle connections at once
   * and the others when their requests have been answered, or after ten seconds in any case. Idempotent.
   */
  close(): Promise<void>

  /** Answers one request without a connection, for tests. */
  inject: ReturnType<typeof createApp>['inject']
}

/** The HTTP interface over the application. Owns its listening socket and its connections. */
export const createHttpServer = async (deps: HttpServerDeps): Promise<HttpServer> => {
  const closing = new AbortController()
  const admission = createAdmission(deps.overrides?.admission)
  const endpoints = createEndpoints(deps, closing.signal)
  const app = createApp({
    endpoints,
    logger: deps.logger,
    admission,
    closing: closing.signal,
    nameRoute: deps.nameRoute,
    hosts: createHostJudge(deps.access),
  })
  if (deps.operations !== undefined) addBrowserRoutes(app)
  await app.ready()
  let closed: Promise<void> | undefined
  return {
    listen: (host, port) => listen(app, host, port),
    close: () => {
      closing.abort()
      return (closed ??= closeWithin(app))
    },
    inject: app.inject.bind(app),
  }
}

const createEndpoints = (deps: HttpServerDeps, closing: AbortSignal): readonly Endpoint[] => {
  const { operations, logger, now, traceUrlTemplate } = deps
  const feedTimes = deps.overrides?.feed
  const { info, readHealth, readMetrics } = deps.process
  const ofProcess = [
    ...createHealthEndpoints(readHealth),
    createInfoEndpoint(info),
    ...(readMetrics === undefined ? [] : [createMetricsEndpoint(readMetrics)]),
  ]
  if (operations === undefined) return ofProcess
  const tail = createFeedTail({
    read: (after, limit) => operations.readFeed(after, limit),
    closing,
    pollMs: feedTimes?.pollMs,
  })
  const endpoints: readonly Endpoint[] = [
    createSubmitTaskEndpoint({ operations, now }),
    createSubmitBatchEndpoint({ operations, now, logger }),
    createListTasksEndpoint(operations),
    createGetTaskEndpoint(operations),
    createListTaskEventsEndpoint(operations, traceUrlTemplate),
    createExplainTaskEndpoint(operations),
    createListEffectsEndpoint(operations),
    createSettleEffectEndpoint(operations),
    ...createChangeTaskEndpoints(operations),
    createListEventsEndpoint({ operations, tail, logger, heartbeatMs: feedTimes?.heartbeatMs }),
    createListQueuesEndpoint(operations),
    createListWorkersEndpoint(operations),
    ...ofProcess,
    ...createReferenceEndpoints(() => createOpenApi(endpoints, info().version)),
  ]
  return endpoints
}

const closeWithinMs = 10_000
const idleCheckMs = 50

/** Node closes the connections that are idle when closing begins; the ones that become idle later are closed here. */
const closeWithin = async (app: ReturnType<typeof createApp>): Promise<void> => {
  const idle = setInterval(() => app.server.closeIdleConnections(), idleCheckMs)
  const end = setTimeout(() => app.server.closeAllConnections(), closeWithinMs)
  try {
    await app.close()
  } finally {
    clearInterval(idle)
    clearTimeout(end)
  }
}
