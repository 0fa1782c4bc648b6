import { describe, expect, it } from 'vitest'
import type { Passes } from '#application/ports/exclusive-work.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { makeName, range } from '../support/task-builders.ts'

export interface PassesWorld extends ContractWorld {
  readonly passes: Passes
  /** Those of another process of the fleet. */
  readonly passesElsewhere: Passes
}

const anHourMs = 3_600_000
const nothing = (): Promise<void> => Promise.resolve()

/** What every Passes does. */
export const describePasses = (name: string, setup: Setup<PassesWorld>): void => {
  describe(`the passes (${name})`, () => {
    const world = useWorld(setup)
    const makePass = (): string => `pass-${makeName()}`

    it('are done when nobody has done them', async () => {
      let done = 0
      const outcome = await world().passes.tryPass(makePass(), anHourMs, async () => {
        done += 1
      })
      expect([outcome, done]).toEqual(['done', 1])
    })

    it('are not due again before their time, here or elsewhere', async () => {
      const { passes, passesElsewhere } = world()
      const pass = makePass()
      await passes.tryPass(pass, anHourMs, nothing)
      const never = () => Promise.reject(new Error('ran too early'))
      expect(await passes.tryPass(pass, anHourMs, never)).toBe('not-due')
      expect(await passesElsewhere.tryPass(pass, anHourMs, never)).toBe('not-due')
    })

    it('are due again when their time has gone by since they began', async () => {
      const { passes, passesElsewhere } = world()
      const pass = makePass()
      await passes.tryPass(pass, 50, nothing)
      await world().advance(70)
      expect(await passesElsewhere.tryPass(pass, 50, nothing)).toBe('done')
    })

    it('leave the clocks of others alone', async () => {
      const { passes } = world()
      await passes.tryPass(makePass(), anHourMs, nothing)
      expect(await passes.tryPass(makePass(), anHourMs, nothing)).toBe('done')
    })

    it('are at one process at a time', async () => {
      const { passes, passesElsewhere } = world()
      const pass = makePass()
      const begun = Promise.withResolvers<void>()
      const end = Promise.withResolvers<void>()
      const first = passes.tryPass(pass, 0, async () => {
        begun.resolve()
        await end.promise
      })
      await begun.promise
      await world().advance(5)
      const never = () => Promise.reject(new Error('ran beside another'))
      expect(await passesElsewhere.tryPass(pass, 0, never)).toBe('taken')
      expect(await passes.tryPass(pass, 0, never)).toBe('taken')
      end.resolve()
      expect(await first).toBe('done')
      await world().advance(5)
      expect(await passesElsewhere.tryPass(pass, 0, nothing)).toBe('done')
    })

    it('are done once when many try at the same moment', async () => {
      const { passes, passesElsewhere } = world()
      const pass = makePass()
      let done = 0
      const outcomes = await Promise.all(
        range(10).map((place) =>
          (place % 2 === 0 ? passes : passesElsewhere).tryPass(pass, anHourMs, async () => {
            done += 1
          }),
        ),
      )
      expect(done).toBe(1)
      expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
    })

    it('run beside passes of another name', async () => {
      const { passes, passesElsewhere } = world()
      const outcome = await passes.tryPass(makePass(), 0, async () => {
        expect(await passesElsewhere.tryPass(makePass(), 0, nothing)).toBe('done')
      })
      expect(outcome).toBe('done')
    })

    it('throw what they throw and are free again', async () => {
      const { passes, passesElsewhere } = world()
      const pass = makePass()
      const failure = new Error('the pass failed')
      await expect(passes.tryPass(pass, 0, () => Promise.reject(failure))).rejects.toBe(failure)
      await world().advance(5)
      expect(await passesElsewhere.tryPass(pass, 0, nothing)).toBe('done')
    })
  })
}
