import { createMemoryIdentities } from '#adapters/memory/surroundings/identities.ts'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import type { EventStore } from '#application/ports/event-store.ts'
import type { Identities } from '#application/ports/identities.ts'
import type { Routes } from '#application/ports/routes.ts'
import type { RunIndex } from '#application/ports/run-index.ts'
import type { RunnableIndex } from '#application/ports/runnable-index.ts'
import type { TaskIndex } from '#application/ports/task-index.ts'

/** What a program is run against. */
export interface DifferentialWorld {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly runnable: RunnableIndex
  readonly runs: RunIndex
  readonly routes: Routes
}

/** The same identities in the same order for every world that runs the program of this seed. */
export const createProgramIdentities = (seed: number, epochMs: number): Identities =>
  createMemoryIdentities({ now: () => epochMs }, createSeededRandom(seed))
