import { describe, expect, it } from 'vitest'
import type { ExclusiveWork } from '#application/ports/workers/exclusive-work.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { makeName, range } from '../support/task-builders.ts'

export interface ExclusiveWorkWorld extends ContractWorld {
  readonly exclusiveWork: ExclusiveWork
  /** The exclusive work of another process of the fleet. */
  readonly exclusiveWorkElsewhere: ExclusiveWork
}

const anHourMs = 3_600_000
const nothing = (): Promise<void> => Promise.resolve()

/** The contract of every ExclusiveWork. */
export const describeExclusiveWork = (name: string, setup: Setup<ExclusiveWorkWorld>): void => {
  describe(`the exclusiveWork (${name})`, () => {
    const world = useWorld(setup)
    const makePass = (): string => `pass-${makeName()}`

    it('has a turn when it was never done', async () => {
      let done = 0
      const outcome = await world().exclusiveWork.tryTurn(makePass(), anHourMs, async () => {
        done += 1
      })
      expect([outcome, done]).toEqual(['done', 1])
    })

    it('has no second turn before its interval is over, in this process or another', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const pass = makePass()
      await exclusiveWork.tryTurn(pass, anHourMs, nothing)
      const never = () => Promise.reject(new Error('ran too early'))
      expect(await exclusiveWork.tryTurn(pass, anHourMs, never)).toBe('not-due')
      expect(await exclusiveWorkElsewhere.tryTurn(pass, anHourMs, never)).toBe('not-due')
    })

    it('has its next turn one interval after the last one began', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const pass = makePass()
      await exclusiveWork.tryTurn(pass, 50, nothing)
      await world().advance(70)
      expect(await exclusiveWorkElsewhere.tryTurn(pass, 50, nothing)).toBe('done')
    })

    it('leave the clocks of others alone', async () => {
      const { exclusiveWork } = world()
      await exclusiveWork.tryTurn(makePass(), anHourMs, nothing)
      expect(await exclusiveWork.tryTurn(makePass(), anHourMs, nothing)).toBe('done')
    })

    it('is done by one process at a time', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const pass = makePass()
      const begun = Promise.withResolvers<void>()
      const end = Promise.withResolvers<void>()
      const first = exclusiveWork.tryTurn(pass, 0, async () => {
        begun.resolve()
        await end.promise
      })
      await begun.promise
      await world().advance(5)
      const never = () => Promise.reject(new Error('ran beside another'))
      expect(await exclusiveWorkElsewhere.tryTurn(pass, 0, never)).toBe('taken')
      expect(await exclusiveWork.tryTurn(pass, 0, never)).toBe('taken')
      end.resolve()
      expect(await first).toBe('done')
      await world().advance(5)
      expect(await exclusiveWorkElsewhere.tryTurn(pass, 0, nothing)).toBe('done')
    })

    it('is done once when many processes try at the same moment', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const pass = makePass()
      let done = 0
      const outcomes = await Promise.all(
        range(10).map((place) =>
          (place % 2 === 0 ? exclusiveWork : exclusiveWorkElsewhere).tryTurn(pass, anHourMs, async () => {
            done += 1
          }),
        ),
      )
      expect(done).toBe(1)
      expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
    })

    it('runs beside exclusive work of another name', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const outcome = await exclusiveWork.tryTurn(makePass(), 0, async () => {
        expect(await exclusiveWorkElsewhere.tryTurn(makePass(), 0, nothing)).toBe('done')
      })
      expect(outcome).toBe('done')
    })

    it('that throws passes its error on, and can have another turn', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const pass = makePass()
      const failure = new Error('the pass failed')
      await expect(exclusiveWork.tryTurn(pass, 0, () => Promise.reject(failure))).rejects.toBe(failure)
      await world().advance(5)
      expect(await exclusiveWorkElsewhere.tryTurn(pass, 0, nothing)).toBe('done')
    })

    it('that throws was not done: another process has the next turn at once, and the same one has not', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const pass = makePass()
      const failing = () => Promise.reject(new Error('the queue is out of reach of this process'))
      await expect(exclusiveWork.tryTurn(pass, anHourMs, failing)).rejects.toThrow('out of reach')
      expect(await exclusiveWork.tryTurn(pass, anHourMs, failing)).toBe('not-due')
      expect(await exclusiveWorkElsewhere.tryTurn(pass, anHourMs, nothing)).toBe('done')
    })

    it('that only throws here is left to the process that can do it', async () => {
      const { exclusiveWork, exclusiveWorkElsewhere } = world()
      const pass = makePass()
      const everyMs = 400
      const failing = () => Promise.reject(new Error('the queue is out of reach of this process'))
      await expect(exclusiveWork.tryTurn(pass, everyMs, failing)).rejects.toThrow('out of reach')
      for (let turn = 0; turn < 5; turn += 1) {
        await world().advance(everyMs)
        expect(await exclusiveWorkElsewhere.tryTurn(pass, everyMs, nothing)).toBe('done')
        expect(await exclusiveWork.tryTurn(pass, everyMs, failing)).toBe('not-due')
      }
    })
  })
}
