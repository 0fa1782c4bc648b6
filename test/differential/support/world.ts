import { createMemoryIdentities } from '#adapters/memory/surroundings/identities.ts'
import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Identities } from '#application/ports/surroundings/identities.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { RunIndex } from '#application/ports/heads/run-index.ts'
import type { RunnableIndex } from '#application/ports/heads/runnable-index.ts'
import type { TaskIndex } from '#application/ports/heads/task-index.ts'

/** The ports that a program is run against. */
export interface DifferentialWorld {
  readonly store: EventStore
  readonly index: TaskIndex
  readonly runnable: RunnableIndex
  readonly runs: RunIndex
  readonly routes: Routes
}

/** Identities that are the same, in the same order, for every world that runs the program of this seed. */
export const createProgramIdentities = (seed: number, epochMs: number): Identities =>
  createMemoryIdentities({ now: () => epochMs }, createSeededRandom(seed))
