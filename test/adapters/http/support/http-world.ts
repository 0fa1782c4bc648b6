import { createMemoryRoutes } from '#adapters/memory/heads/routes.ts'
import { createHttpServer, type HttpServerDeps } from '#adapters/http/server.ts'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import { changeTask, type ChangeOutcome } from '#application/commands/change-task.ts'
import type { HealthCheck } from '#application/health/health.ts'
import type { EventFeed } from '#application/ports/events/event-feed.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { HandlerDefaults } from '#application/ports/task-handler.ts'
import { createTaskOperations } from '#application/task-operations.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { TaskCommand } from '#domain/task/commands.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'

interface Options {
  /** Stands between the application and the store in memory. */
  readonly wrapStore?: (store: EventStore) => EventStore
  readonly checks?: readonly HealthCheck[]
  readonly defaultsOf?: (type: string) => HandlerDefaults
  /** Dependencies of the server that differ from the usual ones. */
  readonly server?: Partial<HttpServerDeps>
  /** Stands between the application and the feed in memory. */
  readonly wrapFeed?: (feed: EventFeed) => EventFeed
  /** How many names of queues and of types there may be. */
  readonly namesMax?: number
}

export type HttpWorld = Awaited<ReturnType<typeof createHttpWorld>>

/** The HTTP interface over the application over memory. The caller closes it. */
export const createHttpWorld = async (options: Options = {}) => {
  const memory = createMemoryWorld()
  const store = options.wrapStore?.(memory.store) ?? memory.store
  const announcer = createReadyAnnouncer({ ...memory, horizonMs: 2_000 })
  const defaultsOf = options.defaultsOf ?? (() => ({}))
  const feed = options.wrapFeed?.(memory.feed) ?? memory.feed
  const { heads, ledger, progress, registry, storeClock, identities, signals, runtime } = memory
  const routes = createMemoryRoutes(memory.database, options.namesMax)
  const operations = createTaskOperations({
    history: { store, feed },
    heads,
    records: { ledger, progress },
    registry,
    submitting: { routes, storeClock, defaultsOf },
    identities,
    afterCommit: { announcer, signals },
    runtime,
  })
  const server = await createHttpServer({
    operations,
    process: {
      info: () => ({ ...process, startedAt: memory.storeClock.now(), uptimeMs: 12 }),
      readHealth: () => options.checks ?? [],
    },
    logger: memory.logger,
    now: () => memory.storeClock.now(),
    access: { listensOn: '127.0.0.1', allowed: [] },
    ...options.server,
    overrides: { feed: { pollMs: 5 }, ...options.server?.overrides },
  })
  return {
    memory,
    operations,
    server,
    inject: server.inject,
    /** Sends JSON text as it is. */
    post: (url: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
      server.inject({ method: 'POST', url, body, headers: { 'content-type': 'application/json', ...headers } }),
    /** Appends a command of a worker. */
    work: (taskId: TaskId, toCommand: (now: number) => TaskCommand): Promise<ChangeOutcome> =>
      changeTask({ ...memory, store }, { taskId, toCommand, context: {} }),
    close: async (): Promise<void> => {
      await server.close()
      await operations.close()
      await announcer.close()
    },
  }
}

const process = { name: 'taskfold', version: '0.1.0', roles: ['api'], store: 'memory', queue: 'memory' }
