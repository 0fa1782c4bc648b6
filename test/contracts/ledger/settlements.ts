import { describe, expect, it } from 'vitest'
import type { Settlement } from '#application/ports/ledger/idempotency-ledger.ts'
import type { Task } from '#domain/task/state.ts'
import { type IdempotencyLedgerWorld, driveEffects, once } from './drive-effects.ts'
import { mintTaskId } from '../../support/ids.ts'
import { fail } from '../../support/run-commands.ts'
import { appendCommand, range } from '../../support/task-builders.ts'

/** What people decide about effects in doubt, and how they find them. */
export const describeSettlements = (world: () => IdempotencyLedgerWorld): void => {
  const { begin, beginAgain, claim, complete, doubt, listOf, stateOf } = driveEffects(world)

  describe('settling', () => {
    const settle = (task: Task, outcome: Settlement['outcome'], more: Partial<Settlement> = {}) =>
      world().ledger.settle({ taskId: task.taskId, name: 'send', outcome, by: 'ada', reason: 'asked', ...more })
    const end = (task: Task) => appendCommand(world().store, task, fail(task, { cause: 'effect-in-doubt' }))
    const reopen = async (task: Task) => begin(await appendCommand(world().store, task, { type: 'Reopen' }))

    it('as completed gives its result to every later attempt, for ever', async () => {
      const task = await begin()
      await claim(task, once)
      await doubt(task)
      const ended = await end(task)
      const verdict = await settle(task, { kind: 'completed', result: '{"id":1.0}' })
      const settled = { at: expect.any(Number), by: 'ada', reason: 'asked' }
      const effect = { name: 'send', mode: 'once', state: 'completed', attempt: 1, result: '{"id":1.0}', settled }
      expect(verdict).toMatchObject({ kind: 'settled', effect })
      expect(await listOf(task)).toEqual([verdict.kind === 'settled' && verdict.effect])
      expect(await settle(task, { kind: 'not-done' })).toMatchObject({ kind: 'not-in-doubt', effect })
      expect(await complete(task, '"late"')).toBe('completed')
      expect(await claim(await reopen(ended), once)).toEqual({ kind: 'completed', result: '{"id":1.0}' })
    })

    it('as not done has the next attempt begin it anew, and remembers who said so', async () => {
      const task = await begin()
      await claim(task, once)
      // Found in doubt by nobody yet.
      const ended = await end(task)
      const verdict = await settle(task, { kind: 'not-done' }, { by: undefined, reason: undefined })
      expect(verdict).toMatchObject({ kind: 'settled', effect: { state: 'started', completedAt: undefined } })
      const again = await reopen(ended)
      expect(await claim(again, once)).toMatchObject({ kind: 'claimed', since: 'new' })
      expect(await listOf(task)).toMatchObject([{ attempt: 2, settled: { by: undefined, reason: undefined } }])
      await complete(again, '2')
      expect(await stateOf(task)).toBe('completed')
    })

    it('is refused for what is not in doubt, and for what does not exist', async () => {
      const task = await begin()
      await claim(task, once)
      const started = { kind: 'not-in-doubt', effect: { state: 'started', settled: undefined } }
      expect(await settle(task, { kind: 'not-done' })).toMatchObject(started)
      const next = await beginAgain(task)
      await claim(next, { ...once, unfinished: 'take-over' })
      expect(await settle(task, { kind: 'not-done' })).toMatchObject(started)
      expect(await settle(task, { kind: 'not-done' }, { name: 'other' })).toEqual({ kind: 'not-found' })
      expect(await settle(task, { kind: 'not-done' }, { taskId: mintTaskId() })).toEqual({ kind: 'not-found' })
    })

    it('happens once, however many people settle the same effect at the same moment', async () => {
      const task = await begin()
      await claim(task, once)
      await end(task)
      const verdicts = await Promise.all(range(10).map((n) => settle(task, { kind: 'completed', result: `${n}` })))
      expect(verdicts.filter(({ kind }) => kind === 'settled')).toHaveLength(1)
      const results = verdicts.map((verdict) => verdict.kind !== 'not-found' && verdict.effect.result)
      expect(new Set(results).size).toBe(1)
    })
  })

  it('counts the tasks with effects in doubt, and names the newest', async () => {
    const before = await world().ledger.countInDoubt(1_000)
    const older = await begin()
    await world().advance(5)
    const newer = await begin()
    for (const task of [older, newer]) {
      for (const name of ['send', 'charge']) await claim(task, { ...once, name })
    }
    expect(await world().ledger.countInDoubt(1_000)).toEqual(before)
    await doubt(older)
    await appendCommand(world().store, newer, fail(newer))
    const { tasks, examples } = await world().ledger.countInDoubt(1_000)
    expect(tasks).toBe(before.tasks + 2)
    expect(examples.slice(0, 2)).toEqual([newer.taskId, older.taskId])
    expect(await world().ledger.countInDoubt(1)).toEqual({ tasks: 1, examples: [newer.taskId] })
  })
}
