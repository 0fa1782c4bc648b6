import { type RunObservation, type RunObserver, unobservedRun } from '#application/ports/surroundings/run-observer.ts'
import type { TaskEvent } from '#domain/task/events.ts'
import type { RunningTask } from '#domain/task/state.ts'
import type { Instant } from '#domain/time.ts'
import type { Metrics } from './metrics.ts'
import { findOutcome, isEnd } from './outcomes.ts'

/** Measures the durations of runs and tasks, by the store's clock, and passes each run on to `next`. */
export const createMeasuredRuns = (metrics: Metrics, next?: RunObserver): RunObserver => ({
  observe: (task, trace) => new MeasuredRun(metrics, next?.observe(task, trace) ?? unobservedRun(trace)),
})

class MeasuredRun implements RunObservation {
  readonly #metrics: Metrics
  readonly #next: RunObservation
  #task: RunningTask | undefined

  constructor(metrics: Metrics, next: RunObservation) {
    this.#metrics = metrics
    this.#next = next
  }

  get context(): RunObservation['context'] {
    return this.#next.context
  }

  within<Result>(work: () => Result): Result {
    return this.#next.within(work)
  }

  leave(): void {
    this.#next.leave()
  }

  started(task: RunningTask): void {
    this.#task = task
    const waitedMs = (task.times.startedAt ?? task.times.readyAt) - task.times.readyAt
    this.#metrics.timeToStart.record(Math.max(0, waitedMs) / 1_000, this.#metrics.limitType(task.facts.submission.type))
    this.#next.started(task)
  }

  recorded(events: readonly TaskEvent[], recordedAt: Instant): void {
    const task = this.#task
    const outcome = findOutcome(events)
    if (task !== undefined && outcome !== undefined) {
      const type = this.#metrics.limitType(task.facts.submission.type)
      this.#metrics.runTime.record((recordedAt - (task.times.startedAt ?? recordedAt)) / 1_000, type, outcome)
      if (isEnd(outcome)) this.#metrics.endToEnd.record((recordedAt - task.times.submittedAt) / 1_000, type, outcome)
    }
    this.#next.recorded(events, recordedAt)
  }

  fenced(): void {
    this.#next.fenced()
  }
}
