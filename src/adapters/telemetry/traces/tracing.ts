import type { Tracer } from '@opentelemetry/api'
import type { CommitObserver } from '#application/ports/surroundings/commit-observer.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { RunObserver } from '#application/ports/surroundings/run-observer.ts'
import type { TaskQueue } from '#application/ports/queue/task-queue.ts'
import { createSpanRegister } from './span-register.ts'
import { createTracedCommits, createTracedQueue } from './traced-batches.ts'
import { createTracedRuns } from './traced-runs.ts'
import { createTracedEventStore } from './traced-store.ts'

/** The decorators that make spans of calls through the ports. Loaded only where traces are wanted. */
export interface Tracing {
  readonly runObserver: RunObserver
  readonly commits: CommitObserver
  readonly traceStore: (store: EventStore) => EventStore
  readonly traceQueue: (queue: TaskQueue) => TaskQueue
}

export const createTracing = (tracer: Tracer): Tracing => {
  const register = createSpanRegister()
  return {
    runObserver: createTracedRuns(tracer),
    commits: createTracedCommits(tracer, register),
    traceStore: (store) => createTracedEventStore(store, tracer, register),
    traceQueue: (queue) => createTracedQueue(queue, tracer, register),
  }
}
