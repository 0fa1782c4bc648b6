import { describe, expect, it } from 'vitest'
import { failedSeeds } from './failed-seeds.ts'
import { type SeedsSummary, runSeeds } from './run/run-seeds.ts'
import { describeRequest, shrink, tellStory } from './run/shrink.ts'

/** `SIMULATION_SEED` has the fresh seeds of another run again. */
const firstSeed = Number(process.env['SIMULATION_SEED'] ?? Math.floor(Math.random() * 1e9))
const freshMs = 20_000

/** Fails with the least that still fails, and its story. */
const expectNoFailure = async ({ failures: [first] }: SeedsSummary): Promise<void> => {
  if (first === undefined) return
  const { request, outcome } = await shrink({ seed: first.seed })
  expect.fail(
    `npm run simulate -- --seed ${first.seed}\n${outcome.breaches.join('\n')}\n${describeRequest(request)}\n${await tellStory(request)}`,
  )
}

describe('an installation that everything strikes, in virtual time', () => {
  it(
    `keeps its promises for ${freshMs / 1_000} s of fresh seeds from ${firstSeed} on`,
    { timeout: 180_000 },
    async () => {
      const summary = await runSeeds({ firstSeed, forMs: freshMs })
      await expectNoFailure(summary)
      expect(summary.seeds).toBeGreaterThan(0)
    },
  )

  it.each(failedSeeds)('keeps its promises for seed %i, which failed once', { timeout: 60_000 }, async (seed) => {
    await expectNoFailure(await runSeeds({ firstSeed: seed, seeds: 1, threads: 1 }))
  })

  it('takes the same course whenever a seed is run', { timeout: 120_000 }, async () => {
    const run = { firstSeed: 1, seeds: 40 }
    const [once, again] = [await runSeeds(run), await runSeeds({ ...run, threads: 1 })]
    expect(new Set(once.hashes.values()).size).toBe(run.seeds)
    expect(new Map(again.hashes)).toEqual(new Map(once.hashes))
  })
})
