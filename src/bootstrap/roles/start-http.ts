import { createHttpServer } from '#adapters/http/server.ts'
import type { Telemetry } from '#adapters/telemetry/telemetry.ts'
import type { Worker } from '#adapters/worker/worker.ts'
import type { Clock } from '#application/ports/surroundings/clock.ts'
import { createTaskOperations, type TaskOperations } from '#application/task-operations.ts'
import type { Config } from '../config.ts'
import { release } from '../release.ts'
import type { Foundation } from './foundation.ts'

/** What people and clients ask for. Every process has it; HTTP offers it where the role `api` runs. */
export const createOperations = ({
  handlers,
  runtime,
  store,
  queue,
  identities,
  announcer,
}: Foundation): TaskOperations =>
  createTaskOperations({
    history: store.events,
    heads: store.heads,
    records: store.records,
    registry: store.workers.registry,
    submitting: {
      routes: store.routes,
      storeClock: store.storeClock,
      defaultsOf: (type) => handlers.get(type)?.defaults ?? {},
    },
    identities,
    afterCommit: { announcer, signals: queue.signals },
    runtime,
  })

interface Served {
  readonly operations: TaskOperations
  /** The worker of this process once it has started, for health and metrics. */
  readonly worker: () => Worker | undefined
  readonly telemetry: Telemetry
}

/** Serves health, metrics and facts of the process, and the API where the role `api` runs. Listens when it resolves. */
export const startHttp = async (
  config: Config,
  { observation, runtime, store, queue }: Foundation,
  { operations, worker, telemetry }: Served,
  owned: AsyncDisposableStack,
): Promise<{ readonly url: string }> => {
  const http = await createHttpServer({
    operations: config.roles.includes('api') ? operations : undefined,
    process: {
      info: createInfo(config, queue.kind, runtime.clock),
      readHealth: () => [...store.readHealth(), ...queue.readHealth(), ...(worker()?.readHealth() ?? [])],
      readMetrics: observation.publish({
        roles: config.roles,
        index: store.heads.index,
        pools: [store.connections.pool, store.connections.appendPool],
        countHandlers: () => worker()?.runningCount(),
      }),
    },
    logger: runtime.logger,
    now: () => store.storeClock.now(),
    nameRoute: telemetry.nameRoute,
    traceUrlTemplate: config.traceUrlTemplate,
    access: { listensOn: config.host, allowed: config.allowedHosts },
  })
  owned.defer(() => http.close())
  // Closed before the server: an answer that waits for a task to end would keep it from closing.
  owned.defer(() => operations.close())
  return http.listen(config.host, config.port)
}

const createInfo = ({ roles }: Config, queue: 'redis' | 'postgres', clock: Clock) => {
  const startedAt = Date.now()
  const startedAtMs = clock.monotonicMs()
  return () => ({
    name: release.name,
    version: release.version,
    roles,
    store: 'postgres',
    queue,
    startedAt,
    uptimeMs: Math.floor(clock.monotonicMs() - startedAtMs),
  })
}
