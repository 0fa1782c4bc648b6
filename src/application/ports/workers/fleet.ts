import type { ExclusiveWork } from './exclusive-work.ts'
import type { WorkerRegistry } from './worker-registry.ts'

/** The fleet as one of its processes sees it: who works, and work that only one process does at a time. */
export interface Fleet {
  readonly registry: WorkerRegistry
  readonly exclusiveWork: ExclusiveWork
}
