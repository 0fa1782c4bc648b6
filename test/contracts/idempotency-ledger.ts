import { describe, expect, it } from 'vitest'
import type { Task } from '#domain/task/state.ts'
import { driveEffects, type IdempotencyLedgerWorld } from './ledger/drive-effects.ts'
import { describeSettlements } from './ledger/settlements.ts'
import { describeTransactions } from './ledger/transactions.ts'
import { describeUnfinishedEffects } from './ledger/unfinished-effects.ts'
import { type Setup, useWorld } from '../support/contract-world.ts'
import { mintAppendId, mintTaskId } from '../support/ids.ts'
import { fail, succeed } from '../support/run-commands.ts'
import { appendCommand, range } from '../support/task-builders.ts'

/** The contract of every IdempotencyLedger. */
export const describeIdempotencyLedger = (name: string, setup: Setup<IdempotencyLedgerWorld>): void => {
  describe(`the idempotency ledger (${name})`, () => {
    const world = useWorld(setup)

    const { begin, beginAgain, claim, complete } = driveEffects(world)
    describeUnfinishedEffects(world)
    describeSettlements(world)
    describeTransactions(world)

    const keyOf = async (task: Task, effect = 'send'): Promise<string> => {
      const verdict = await claim(task, { name: effect })
      if (verdict.kind !== 'claimed') throw new Error(`the claim was ${verdict.kind}`)
      return verdict.key
    }

    describe('a key', () => {
      it('is the same for every attempt, and another for every other effect and task', async () => {
        const first = await begin()
        const key = await keyOf(first)
        const other = await keyOf(first, 'notify')
        const second = await beginAgain(first)
        const elsewhere = await begin()
        expect(await keyOf(second)).toBe(key)
        expect(await keyOf(second, 'notify')).toBe(other)
        expect(new Set([key, other, await keyOf(elsewhere)]).size).toBe(3)
        expect(key).toMatch(/^[\w-]{32,64}$/)
      })
    })

    describe('an effect that was not completed', () => {
      it('may be claimed again by its own run', async () => {
        const task = await begin()
        const first = await claim(task)
        expect(first.kind).toBe('claimed')
        expect(await claim(task)).toEqual(first)
      })

      it('is taken over by a higher run, and is then refused to the lower one', async () => {
        const first = await begin()
        await claim(first)
        const second = await beginAgain(first)
        expect((await claim(second)).kind).toBe('claimed')
        expect(await claim(first)).toEqual({ kind: 'fenced' })
        expect(await complete(first, '1')).toBe('fenced')
        expect(await complete(second, '2')).toBe('completed')
        expect(await claim(await beginAgain(second))).toEqual({ kind: 'completed', result: '2' })
      })

      it('is refused to a run that is over, whoever comes next', async () => {
        const task = await begin()
        await appendCommand(world().store, task, fail(task))
        expect(await claim(task)).toEqual({ kind: 'fenced' })
        expect(await world().ledger.list(task.taskId)).toEqual([])
      })

      it('is refused to a run of the same number that another append began', async () => {
        const task = await begin()
        expect(await claim(task, { claim: mintAppendId() })).toEqual({ kind: 'fenced' })
        expect(await claim(task)).toMatchObject({ kind: 'claimed' })
      })

      it('may be completed by a run that claimed it and is over since, as long as no other has claimed it', async () => {
        const task = await begin()
        await claim(task)
        const next = await beginAgain(task)
        expect(await complete(task, '"done"')).toBe('completed')
        expect(await claim(next)).toEqual({ kind: 'completed', result: '"done"' })
      })

      it('cannot be completed when it was never claimed', async () => {
        expect(await complete(await begin(), '1')).toBe('fenced')
      })
    })

    describe('a completed effect', () => {
      it.each(['null', '"\\u0000 \\ud800 é 🎈"', '{"b":1.50,"a":[]}', '123456789012345'])(
        'is replayed to every later attempt: %s',
        async (result) => {
          const first = await begin()
          await claim(first)
          expect(await complete(first, result)).toBe('completed')
          const replay = { kind: 'completed', result }
          expect(await claim(first)).toEqual(replay)
          const second = await beginAgain(first)
          expect(await claim(second)).toEqual(replay)
        },
      )

      it('is replayed after a person has opened the task again', async () => {
        const first = await begin()
        await claim(first)
        await complete(first, '7')
        const ended = await appendCommand(world().store, first, fail(first, { cause: 'permanent-error' }))
        const reopened = await appendCommand(world().store, ended, { type: 'Reopen' })
        expect(await claim(await begin(reopened))).toEqual({ kind: 'completed', result: '7' })
      })

      it('keeps its first result', async () => {
        const task = await begin()
        await claim(task)
        await complete(task, '1')
        expect(await complete(task, '2')).toBe('completed')
        expect(await claim(task)).toEqual({ kind: 'completed', result: '1' })
      })
    })

    describe('another input under the same name', () => {
      it.each([
        ['a', 'b'],
        ['a', undefined],
        [undefined, 'a'],
      ])('is told apart: first %s, then %s', async (before, after) => {
        const first = await begin()
        expect((await claim(first, { input: before })).kind).toBe('claimed')
        expect(await claim(first, { input: after })).toEqual({ kind: 'changed' })
        const second = await beginAgain(first)
        expect(await claim(second, { input: after })).toEqual({ kind: 'changed' })
        expect((await claim(second, { input: before })).kind).toBe('claimed')
        await complete(second, '1')
        expect(await claim(second, { input: after })).toEqual({ kind: 'changed' })
        expect(await claim(second, { input: before })).toEqual({ kind: 'completed', result: '1' })
      })
    })

    it('lets every claim of one run at the same moment hold the same effect', async () => {
      const task = await begin()
      const verdicts = await Promise.all(range(10).map(() => claim(task)))
      expect(new Set(verdicts.map((verdict) => verdict.kind))).toEqual(new Set(['claimed']))
      expect(await world().ledger.list(task.taskId)).toHaveLength(1)
    })

    it('lists the effects of a task in the order they were first begun', async () => {
      const first = await begin()
      await claim(first, { name: 'b' })
      await world().advance(5)
      await claim(first, { name: 'a' })
      await complete(first, '{"n":1}', { name: 'b' })
      const second = await beginAgain(first)
      await claim(second, { name: 'a' })
      const [b, a, ...rest] = await world().ledger.list(first.taskId)
      expect(rest).toEqual([])
      expect(b).toMatchObject({ name: 'b', mode: 'idempotent', state: 'completed', attempt: 1, result: '{"n":1}' })
      expect(a).toMatchObject({ name: 'a', state: 'started', attempt: 2 })
      expect([a?.result, a?.completedAt]).toEqual([undefined, undefined])
      expect(b?.completedAt).toBeGreaterThanOrEqual(b?.startedAt ?? Number.POSITIVE_INFINITY)
      expect(a?.startedAt).toBeGreaterThan(b?.startedAt ?? Number.POSITIVE_INFINITY)
    })

    it('keeps what a task did after it has succeeded', async () => {
      const task = await begin()
      await claim(task)
      await complete(task, '1')
      await appendCommand(world().store, task, succeed(task))
      expect((await world().ledger.list(task.taskId)).map((effect) => effect.state)).toEqual(['completed'])
      expect(await world().ledger.list(mintTaskId())).toEqual([])
    })
  })
}
