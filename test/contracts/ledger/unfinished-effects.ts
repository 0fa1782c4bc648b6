import { describe, expect, it } from 'vitest'
import { type IdempotencyLedgerWorld, driveEffects, once, verify } from './drive-effects.ts'
import { mintAppendId } from '../../support/ids.ts'
import { fail, holdEffect } from '../../support/run-commands.ts'
import { appendCommand } from '../../support/task-builders.ts'

/** What becomes of effects that their runs left without a result. */
export const describeUnfinishedEffects = (world: () => IdempotencyLedgerWorld): void => {
  const { begin, beginAgain, claim, complete, giveBack, doubt, listOf, stateOf } = driveEffects(world)

  describe('an effect in another mode under the same name', () => {
    it('is told apart, completed or not', async () => {
      const task = await begin()
      await claim(task, once)
      expect(await claim(task)).toEqual({ kind: 'changed' })
      await complete(task, '1')
      expect(await claim(task, verify)).toEqual({ kind: 'changed' })
      expect(await claim(task, once)).toEqual({ kind: 'completed', result: '1' })
    })
  })

  describe('a claim that does not take over', () => {
    it('puts what an earlier run claimed in doubt, for every run after it', async () => {
      const first = await begin()
      expect(await claim(first, once)).toMatchObject({ kind: 'claimed', since: 'new' })
      const second = await beginAgain(first)
      expect(await claim(second, once)).toEqual({ kind: 'in-doubt' })
      expect(await claim(second, once)).toEqual({ kind: 'in-doubt' })
      expect(await stateOf(first)).toBe('in-doubt')
      expect(await claim(await beginAgain(second), once)).toEqual({ kind: 'in-doubt' })
    })

    it('is granted again to the run that holds the effect, whose first answer may be lost', async () => {
      const task = await begin()
      const first = await claim(task, once)
      expect(await claim(task, once)).toEqual(first)
      expect(await stateOf(task)).toBe('started')
    })

    it('is refused to a run of the same number that another append began, and puts nothing in doubt', async () => {
      const task = await begin()
      await claim(task, once)
      expect(await claim(task, { ...once, claim: mintAppendId() })).toEqual({ kind: 'fenced' })
      expect(await complete(task, '1', { claim: mintAppendId() })).toBe('fenced')
      expect(await stateOf(task)).toBe('started')
    })

    it('leaves the effect to the run that may still know how it ended', async () => {
      const first = await begin()
      await claim(first, once)
      const second = await beginAgain(first)
      await claim(second, once)
      expect(await complete(second, '"wrong"')).toBe('fenced')
      expect(await complete(first, '"late"')).toBe('completed')
      expect(await claim(second, once)).toEqual({ kind: 'completed', result: '"late"' })
    })
  })

  describe('a claim that takes over', () => {
    it('says so each time that its run asks, and so does that of every later run', async () => {
      const first = await begin()
      expect(await claim(first, verify)).toMatchObject({ since: 'new' })
      const second = await beginAgain(first)
      expect(await claim(second, verify)).toMatchObject({ kind: 'claimed', since: 'taken-over' })
      expect(await claim(second, verify)).toMatchObject({ kind: 'claimed', since: 'taken-over' })
      expect(await claim(await beginAgain(second), verify)).toMatchObject({ since: 'taken-over' })
    })

    it('takes an effect in doubt as well, because its run can ask', async () => {
      const first = await begin()
      await claim(first, verify)
      expect(await doubt(first)).toBe('in-doubt')
      const second = await beginAgain(first)
      expect(await claim(second, verify)).toMatchObject({ kind: 'claimed', since: 'taken-over' })
      expect(await stateOf(second)).toBe('started')
    })
  })

  describe('an effect that was given back', () => {
    it('is as new for its own run and for the next, even when it had been taken over', async () => {
      const first = await begin()
      await claim(first, once)
      expect(await giveBack(first)).toBe('given-back')
      expect(await giveBack(first)).toBe('given-back')
      expect(await stateOf(first)).toBe('started')
      expect(await claim(first, once)).toMatchObject({ since: 'new' })
      const second = await beginAgain(first)
      await claim(second, { ...once, unfinished: 'take-over' })
      expect(await giveBack(first)).toBe('fenced')
      expect(await giveBack(second)).toBe('given-back')
      expect(await claim(await beginAgain(second), once)).toMatchObject({ since: 'new' })
    })

    it('cannot be one that is completed, in doubt, or was never claimed', async () => {
      const task = await begin()
      expect(await giveBack(task)).toBe('fenced')
      await claim(task, once)
      await doubt(task)
      expect(await giveBack(task)).toBe('fenced')
      await complete(task, '1')
      expect(await giveBack(task)).toBe('fenced')
    })
  })

  describe('a doubt', () => {
    it('is recorded once, and not of what is completed or another run holds', async () => {
      const first = await begin()
      expect(await doubt(first)).toBe('fenced')
      await claim(first, once)
      expect([await doubt(first), await doubt(first)]).toEqual(['in-doubt', 'in-doubt'])
      expect(await claim(first, once)).toEqual({ kind: 'in-doubt' })
      const second = await beginAgain(first)
      await claim(second, { ...once, unfinished: 'take-over' })
      expect(await doubt(first)).toBe('fenced')
      await complete(second, '1')
      expect(await doubt(second)).toBe('completed')
      expect(await stateOf(second)).toBe('completed')
    })
  })

  describe('an effect that happens at most once', () => {
    it('is in doubt as soon as its run is over, although no other has found it', async () => {
      const task = await begin()
      await claim(task, once)
      await claim(task, { ...verify, name: 'asked' })
      await claim(task, { ...once, name: 'given' })
      await world().ledger.giveBack(holdEffect(task, 'given'))
      const states = async () => Object.fromEntries((await listOf(task)).map(({ name, state }) => [name, state]))
      expect(await states()).toEqual({ send: 'started', asked: 'started', given: 'started' })
      await appendCommand(world().store, task, fail(task, { cause: 'permanent-error' }))
      expect(await states()).toEqual({ send: 'in-doubt', asked: 'started', given: 'started' })
    })
  })
}
