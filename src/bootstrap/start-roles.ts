import type { EscapedError } from '#adapters/worker/run/runner.ts'
import type { Worker } from '#adapters/worker/worker.ts'
import { noTelemetry } from '#adapters/telemetry/telemetry.ts'
import { createQueueDepth } from '#application/hints/queue-depth.ts'
import type { Logger } from '#application/ports/surroundings/logger.ts'
import type { TaskOperations } from '#application/task-operations.ts'
import type { Config } from './config.ts'
import { openFoundation, type Substitutions } from './roles/foundation.ts'
import { createOperations, startHttp } from './roles/start-http.ts'
import { startRecovery } from './roles/start-recovery.ts'
import { startWorker } from './roles/start-worker.ts'

/** What runs in this process. */
export interface RunningRoles {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string
  readonly queue: 'redis' | 'postgres'
  /** What HTTP drives, for callers in the same process. */
  readonly operations: TaskOperations
  /**
   * Drains: pulls no more, lets handlers finish for `DRAIN_MS`, hands back the rest; then answers the last requests and
   * closes everything. Idempotent.
   */
  close(): Promise<void>
  /** For a process that an error ends: `Worker.breakDown`, and then `abandon`. */
  breakDown(escaped: EscapedError | undefined): Promise<void>
  /** For a process that must end at once: tells the embedded database to stop, and waits for nothing. */
  abandon(): void
}

/**
 * Starts the roles of the configuration in this process: they share one pool, one store and one queue.
 *
 * Throws ConfigurationError or StartupError; nothing is left open then. Who gives `owned` may dispose of it meanwhile: the start
 * then fails soon, and leaves nothing open either.
 */
export const startRoles = async (
  config: Config,
  logger: Logger,
  { adaptQueue = (queue) => queue, telemetry = noTelemetry }: Partial<Substitutions> = {},
  owned = new AsyncDisposableStack(),
): Promise<RunningRoles> => {
  try {
    return await start(config, logger, { adaptQueue, telemetry }, owned)
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

/** What starts last is closed first: the worker is drained while everything that it needs still runs. */
const start = async (
  config: Config,
  logger: Logger,
  substitutions: Substitutions,
  owned: AsyncDisposableStack,
): Promise<RunningRoles> => {
  const foundation = await openFoundation(config, logger, substitutions, owned)
  const operations = createOperations(foundation)
  const queueDepth = createQueueDepth()
  startRecovery(config, foundation, { queueDepth }, owned)
  let worker: Worker | undefined
  const { url } = await startHttp(
    config,
    foundation,
    { operations, worker: () => worker, telemetry: substitutions.telemetry },
    owned,
  )
  if (config.roles.includes('worker')) {
    worker = await startWorker(config, foundation, { queueDepth }, owned)
  }
  return {
    url,
    queue: foundation.queue.kind,
    operations,
    close: () => owned.disposeAsync(),
    breakDown: async (escaped) => {
      await worker?.breakDown(escaped)
      foundation.database.abandon()
    },
    abandon: () => foundation.database.abandon(),
  }
}
