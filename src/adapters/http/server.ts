import type { ReadHealth } from '#application/health/health.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { Instant } from '#domain/time.ts'
import { type AdmissionLimits, createAdmission } from './request/admission.ts'
import { createApp } from './app.ts'
import { createFeedTail } from './feed/feed-tail.ts'
import { listen } from './listen.ts'
import { createOpenApi } from './openapi.ts'
import type { Route } from './endpoint.ts'
import { createChangeRoutes } from './routes/tasks/change-task.ts'
import { createFleetRoutes } from './routes/fleet/fleet.ts'
import { createOperationRoutes, type ProcessInfo } from './routes/process/operation.ts'
import { createFeedRoute, type FeedDeps } from './routes/events/feed.ts'
import { createGetRoute } from './routes/tasks/get-task.ts'
import { createInsightRoutes } from './routes/tasks/insight.ts'
import { createEventsRoute, createListRoute } from './routes/tasks/read-tasks.ts'
import { createMetricsRoute } from './routes/process/metrics.ts'
import { createReferenceRoutes } from './routes/process/reference.ts'
import { createBatchRoute } from './routes/tasks/submit-batch.ts'
import { createSubmitRoute } from './routes/tasks/submit-task.ts'

export interface HttpServerDeps {
  /** Without them only `/livez`, `/readyz` and `/api/info` are served: worker and maintenance processes. */
  readonly operations: TaskOperations | undefined
  readonly info: () => ProcessInfo
  readonly readHealth: ReadHealth
  /** Undefined: `/metrics` is not served. */
  readonly readMetrics?: () => Promise<string>
  /** Told which route answers the request at hand. */
  readonly nameRoute?: ((route: string) => void) | undefined
  readonly logger: Logger
  /** The store's clock as estimated. */
  readonly now: () => Instant
  /** What fills `traceUrl`; `{traceId}` is replaced. */
  readonly traceUrlTemplate?: string | undefined
  /** What is bound otherwise than by default. */
  readonly admissionLimits?: Partial<AdmissionLimits>
  /** How often the end of the feed is looked at while somebody follows it, and how often silence is broken. */
  readonly feedPollMs?: number
  readonly heartbeatMs?: number
}

/** The HTTP interface of one process. */
export interface HttpServer {
  /** Begins to accept connections; port 0 takes any free one. Throws StartupError. */
  listen(host: string, port: number): Promise<{ readonly url: string }>

  /**
   * Stops accepting, ends streams, answers who waits with what there is, closes idle connections at once, and the others
   * when their requests have been answered, or after ten seconds in any case. Idempotent.
   */
  close(): Promise<void>

  /** Answers one request without a connection, for tests. */
  inject: ReturnType<typeof createApp>['inject']
}

/** The HTTP interface over the application. Owns its listening socket and its connections. */
export const createHttpServer = async (deps: HttpServerDeps): Promise<HttpServer> => {
  const closing = new AbortController()
  const admission = createAdmission(deps.admissionLimits)
  const routes = createRoutes(deps, { admission, closing: closing.signal })
  const app = createApp({
    routes,
    logger: deps.logger,
    admission,
    closing: closing.signal,
    nameRoute: deps.nameRoute,
  })
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

interface Shared {
  readonly admission: FeedDeps['admission']
  readonly closing: AbortSignal
}

const createRoutes = (deps: HttpServerDeps, { admission, closing }: Shared): readonly Route[] => {
  const { readMetrics } = deps
  const metrics = readMetrics === undefined ? [] : [createMetricsRoute(readMetrics)]
  const operation = [...createOperationRoutes(deps), ...metrics]
  if (deps.operations === undefined) return operation
  const { operations, logger, now, traceUrlTemplate, feedPollMs, heartbeatMs } = deps
  const tail = createFeedTail({
    read: (after, limit) => operations.readFeed(after, limit),
    closing,
    ...(feedPollMs !== undefined && { pollMs: feedPollMs }),
  })
  const routes: readonly Route[] = [
    createSubmitRoute({ operations, now }),
    createBatchRoute({ operations, now, logger: deps.logger }),
    createListRoute(operations),
    createGetRoute(operations),
    createEventsRoute(operations, traceUrlTemplate),
    ...createInsightRoutes(operations),
    ...createChangeRoutes(operations),
    createFeedRoute({ operations, tail, admission, logger, ...(heartbeatMs !== undefined && { heartbeatMs }) }),
    ...createFleetRoutes(operations),
    ...operation,
    ...createReferenceRoutes(() => createOpenApi(routes, deps.info().version)),
  ]
  return routes
}

const closeWithinMs = 10_000
const idleCheckMs = 50

/** A connection that was busy when closing began becomes idle later, which Node does not look for. */
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
