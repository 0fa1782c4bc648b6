import { createSeededRandom } from '#adapters/memory/surroundings/seeded-random.ts'
import type { Random } from '#application/ports/surroundings/identities.ts'
import { range } from '../../support/task-builders.ts'

/** A step on a queue. Ids and routes are named by number. */
export type QueueStep =
  | { readonly kind: 'push'; readonly through: Through; readonly hints: readonly HintChoice[] }
  | { readonly kind: 'pull'; readonly through: Through; readonly routes: readonly number[]; readonly max: number }
  | { readonly kind: 'size'; readonly route: number }

/** The process of the fleet that takes the step. */
export type Through = 'here' | 'there'

export interface HintChoice {
  readonly id: number
  readonly route: number
  readonly rank: number
}

export const routesOfProgram = 5

/** The same steps for the same seed. */
export const makeQueueProgram = (seed: number, length: number): readonly QueueStep[] => {
  const random = createSeededRandom(seed)
  let nextId = 0
  return range(length).map(() => {
    const dice = random()
    const through = random() < 0.5 ? 'here' : 'there'
    if (dice < 0.5) {
      const fresh = range(1 + below(random, 60)).map(() => ({ id: nextId++, ...choose(random) }))
      return { kind: 'push', through, hints: fresh }
    }
    if (dice < 0.9) {
      const max = 1 + below(random, random() < 0.2 ? 400 : 40)
      return { kind: 'pull', through, routes: range(routesOfProgram).filter(() => random() < 0.6), max }
    }
    return { kind: 'size', route: below(random, routesOfProgram) }
  })
}

/** Two fifths of the ranks are the same, so that ids decide; half the hints are for one route, to fill it beyond its bound. */
const choose = (random: Random): Omit<HintChoice, 'id'> => ({
  route: random() < 0.5 ? 0 : below(random, routesOfProgram),
  rank: 1_767_225_600_000 + (random() < 0.4 ? 7 : below(random, 100_000) - 50_000),
})

const below = (random: Random, limit: number): number => Math.floor(random() * limit)
