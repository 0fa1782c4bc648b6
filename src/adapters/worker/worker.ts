import type { HealthCheck } from '#application/health/health.ts'
import { createProgressWriter } from '#application/runs/progress-writer.ts'
import { abortGraceMs } from './run/abort-grace.ts'
import { assembleWorker } from './assemble-worker.ts'
import type { WorkerDeps, WorkerOptions } from './worker-deps.ts'
import { readWorkerHealth } from './worker-health.ts'

/** Takes tasks from the queue, claims them, runs their handlers and records what becomes of them. */
export interface Worker {
  /** Registers; resolves when the first beat is acknowledged and the worker pulls. Throws StoreUnavailableError. */
  start(): Promise<void>
  /**
   * Stops pulling, lets handlers finish for up to `drainMs`, then aborts them with `shutdown` and hands back unspent what
   * does not return. Beats until the last outcome is recorded, then marks the worker ended. Never throws; a second call
   * waits for the first.
   */
  drain(): Promise<void>
  /** Of progress, not of existence: `pull` when a pull cycle completed lately, `beat` when a beat was acknowledged lately. */
  readHealth(): readonly HealthCheck[]
  /** Handlers at work, those included that were given up on. */
  runningCount(): number
}

const drainLookMs = 20
/** What outcomes may still take once the last handler was given up on. */
const lastOutcomesMs = 5_000

export const createWorker = (deps: WorkerDeps, options: WorkerOptions): Worker => {
  const progress = createProgressWriter({ ...deps, board: deps.progress })
  const { runner, dispatcher, keeper, intake, loops, routes, source, headRepair, listeners } = assembleWorker(
    deps,
    options,
    progress,
  )
  let unsubscribes: readonly (() => void)[] = []
  let draining: Promise<void> | undefined

  const isIdle = (): boolean => dispatcher.startingCount() === 0 && runner.unrecordedCount() === 0

  const waitUntilIdle = async (withinMs: number): Promise<void> => {
    const untilMs = deps.clock.monotonicMs() + withinMs
    while (!isIdle() && deps.clock.monotonicMs() < untilMs) await deps.timers.sleep(drainLookMs)
  }

  const drain = async (): Promise<void> => {
    dispatcher.stop()
    keeper.report({ running: runner.handlerCount(), state: 'draining' })
    const closed = intake.close()
    await waitUntilIdle(options.drainMs)
    runner.shutDown()
    await waitUntilIdle(abortGraceMs + lastOutcomesMs)
    for (const unsubscribe of unsubscribes) unsubscribe()
    await Promise.all(loops.map((loop) => loop.close()))
    await closed
    await keeper.close()
    await headRepair.close()
    await progress.close()
    runner.close()
    deps.logger.info({ handlersLeft: runner.handlerCount() }, 'the worker was drained')
  }

  return {
    start: async () => {
      await keeper.start()
      unsubscribes = listeners.map((listen) => listen())
      for (const loop of loops) loop.start()
    },
    drain: () => (draining ??= drain()),
    readHealth: () =>
      readWorkerHealth({
        nowMs: deps.clock.monotonicMs(),
        takenAtMs: source.lastTakenAtMs(),
        acknowledgedSentAtMs: keeper.current()?.heartbeat.lastAcknowledgedSentAtMs(),
        beatMs: options.beatMs,
        slots: runner.handlerCount() < options.concurrency ? 'some-free' : 'all-taken',
        routes: routes.all().length,
      }),
    runningCount: () => runner.handlerCount(),
  }
}
