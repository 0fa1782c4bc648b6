import type { HealthCheck } from '#application/health/health.ts'
import { assembleWorker } from './assemble-worker.ts'
import { abortGraceMs } from './run/active-run.ts'
import type { EscapedError } from './run/runner.ts'
import type { WorkerDeps, WorkerOptions } from './worker-deps.ts'
import { readWorkerHealth } from './worker-health.ts'

/** Takes tasks from the queue, claims them, runs their handlers and records their outcomes. */
export interface Worker {
  /** Registers; resolves when the first beat is acknowledged and the worker pulls. Throws StoreUnavailableError. */
  start(): Promise<void>
  /**
   * Stops pulling, lets handlers finish for up to `drainMs`, then aborts them with `shutdown` and hands back unspent those
   * runs whose handlers do not return. Beats until the last outcome is recorded, then marks the worker ended. Never throws;
   * a second call waits for the first.
   */
  drain(): Promise<void>
  /**
   * For a process that an error ends: pulls no more, records the run that the error escaped from as crashed and hands back
   * the others, then marks the worker ended, so that what could not be recorded counts as lost at once. Without `escaped`
   * nobody knows whose error it is, and all runs count as lost. Never throws; the caller bounds how long it may take.
   */
  breakDown(escaped: EscapedError | undefined): Promise<void>
  /** Of progress, not of existence: `pull` when the queue answered lately, `beat` when a beat was acknowledged lately. */
  readHealth(): readonly HealthCheck[]
  /** Handlers at work, including those that were given up on. */
  runningCount(): number
}

const idleCheckMs = 20
/** How long outcomes may still take once the last handler was given up on. */
const lastOutcomesMs = 5_000
/** How long they may take when the process breaks down. */
const brokenOutcomesMs = 500

export const createWorker = (deps: WorkerDeps, options: WorkerOptions): Worker => {
  const { clock, timers, logger } = deps.runtime
  const { slots, runner, keeper, intake, source, headRepair, progress, loops, listeners } = assembleWorker(
    deps,
    options,
  )
  let unsubscribes: readonly (() => void)[] = []
  let draining: Promise<void> | undefined

  const isIdle = (): boolean => {
    const { starting, unrecorded } = slots.counts()
    return starting === 0 && unrecorded === 0
  }

  const waitUntilIdle = async (withinMs: number): Promise<void> => {
    const untilMs = clock.monotonicMs() + withinMs
    while (!isIdle() && clock.monotonicMs() < untilMs) await timers.sleep(idleCheckMs)
  }

  const drain = async (): Promise<void> => {
    slots.drain()
    keeper.report()
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
    logger.info({ handlersLeft: slots.counts().handlers }, 'the worker was drained')
  }

  const breakDown = async (escaped: EscapedError | undefined): Promise<void> => {
    slots.drain()
    if (escaped !== undefined) {
      runner.breakDown(escaped)
      await waitUntilIdle(brokenOutcomesMs)
    }
    await keeper.close()
  }

  return {
    start: async () => {
      await keeper.start()
      unsubscribes = listeners.map((listen) => listen())
      for (const loop of loops) loop.start()
    },
    drain: () => (draining ??= drain()),
    breakDown,
    readHealth: () =>
      readWorkerHealth({
        nowMs: clock.monotonicMs(),
        answeredAtMs: source.lastAnsweredAtMs(),
        acknowledgedSentAtMs: slots.lease()?.heartbeat.lastAcknowledgedSentAtMs(),
        beatMs: options.beatMs,
        slots: slots.counts().handlers < options.concurrency ? 'some-free' : 'all-taken',
      }),
    runningCount: () => slots.counts().handlers,
  }
}
