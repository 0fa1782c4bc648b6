import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { EffectQueryError } from '#application/ports/ledger/handler-effects.ts'
import type { TransactedWork, TransactionClaim } from '#application/ports/ledger/idempotency-ledger.ts'
import type { Task } from '#domain/task/state.ts'
import { mintAppendId, mintTaskId } from '../../support/ids.ts'
import { fail, holdEffect } from '../../support/run-commands.ts'
import { insertNote } from '../../support/memory-notes.ts'
import { appendCommand } from '../../support/task-builders.ts'
import { driveEffects, type IdempotencyLedgerWorld, once } from './drive-effects.ts'

/** Effects in mode `tx`. */
export const describeTransactions = (world: () => IdempotencyLedgerWorld): void => {
  const { begin, beginAgain, claim, listOf, stateOf } = driveEffects(world)

  const transact = (task: Task, work: TransactedWork, more: Partial<TransactionClaim> = {}) =>
    world().ledger.transact(
      {
        ...holdEffect(task),
        attempt: task.facts.attempt,
        input: undefined,
        signal: new AbortController().signal,
        ...more,
      },
      work,
    )
  /** Work that leaves a note. */
  const write =
    (note: string, result = '1'): TransactedWork =>
    async ({ query }) => {
      await query(insertNote, [note])
      return result
    }
  const unused: TransactedWork = () => expect.unreachable('the work of an effect that must not begin was called')
  const mint = (): string => mintTaskId()
  const isWritten = async (note: string): Promise<boolean> => (await world().notes.read()).includes(note)

  describe('an effect in a transaction', () => {
    it('is committed with its result, which is replayed to every later attempt', async () => {
      const note = mint()
      const first = await begin()
      expect(await transact(first, write(note, '{"b":1.50}'))).toEqual({ kind: 'completed', result: '{"b":1.50}' })
      expect(await isWritten(note)).toBe(true)
      expect(await transact(first, unused)).toEqual({ kind: 'completed', result: '{"b":1.50}' })
      const second = await beginAgain(first)
      expect(await transact(second, unused)).toEqual({ kind: 'completed', result: '{"b":1.50}' })
      const [effect, ...rest] = await listOf(first)
      expect(rest).toEqual([])
      expect(effect).toMatchObject({ name: 'send', mode: 'tx', state: 'completed', attempt: 1, settled: undefined })
      expect(effect?.completedAt).toBeGreaterThanOrEqual(effect?.startedAt ?? Number.POSITIVE_INFINITY)
    })

    it('has the key that it would have in every other mode', async () => {
      const task = await begin()
      const keys: string[] = []
      const note: TransactedWork = async ({ key }) => {
        keys.push(key)
        throw new Error('not yet')
      }
      await expect(transact(task, note)).rejects.toThrow('not yet')
      expect(await claim(task)).toMatchObject({ kind: 'claimed', key: keys[0] })
    })

    it('has not happened when its work throws, and may begin again', async () => {
      const note = mint()
      const task = await begin()
      const failing: TransactedWork = async ({ query }) => {
        await query(insertNote, [note])
        throw new RangeError('no')
      }
      await expect(transact(task, failing)).rejects.toThrow(RangeError)
      expect([await isWritten(note), await listOf(task)]).toEqual([false, []])
      expect(await transact(task, write(note))).toEqual({ kind: 'completed', result: '1' })
      expect(await isWritten(note)).toBe(true)
    })

    it('happens once when a run was replaced in the middle of it', async () => {
      const note = mint()
      const first = await begin()
      const next: Task[] = []
      const late: TransactedWork = async ({ query }) => {
        await query(insertNote, [note])
        next.push(await beginAgain(first))
        return '"late"'
      }
      expect(await transact(first, late)).toEqual({ kind: 'fenced' })
      expect([await isWritten(note), await listOf(first)]).toEqual([false, []])
      const [second = first] = next
      expect(await transact(second, write(note))).toEqual({ kind: 'completed', result: '1' })
      expect(await isWritten(note)).toBe(true)
    })

    it('is not begun by a run that is over, or by one of the same number that another append began', async () => {
      const task = await begin()
      expect(await transact(task, unused, { claim: mintAppendId() })).toEqual({ kind: 'fenced' })
      await appendCommand(world().store, task, fail(task))
      expect(await transact(task, unused)).toEqual({ kind: 'fenced' })
    })

    it('is told apart from one of another input or another mode', async () => {
      const task = await begin()
      await claim(task, { ...once, name: 'claimed' })
      expect(await transact(task, unused, { name: 'claimed' })).toEqual({ kind: 'changed' })
      await transact(task, write(mint()), { input: 'a' })
      expect(await transact(task, unused, { input: 'b' })).toEqual({ kind: 'changed' })
      expect(await transact(task, unused)).toEqual({ kind: 'changed' })
      expect(await claim(task, { ...once, input: 'a' })).toEqual({ kind: 'changed' })
      expect(await stateOf(task)).toBe('completed')
    })

    it('happens once however often it is asked for at the same moment', async () => {
      const note = mint()
      const task = await begin()
      const ask = async (): Promise<unknown> => {
        for (let tries = 0; tries < 100; tries += 1) {
          const answer = await transact(task, write(note)).catch((error: unknown) => error)
          if (!(answer instanceof StoreUnavailableError)) return answer
          await turn()
        }
        return undefined
      }
      const completed = { kind: 'completed', result: '1' }
      expect(await Promise.all([ask(), ask(), ask()])).toEqual([completed, completed, completed])
    })

    it('is rolled back when its run is aborted, and is not begun by one that was', async () => {
      const note = mint()
      const task = await begin()
      const controller = new AbortController()
      const { signal } = controller
      const endless: TransactedWork = async ({ query }) => {
        await query(insertNote, [note])
        controller.abort(new RangeError('stopped'))
        return new Promise(() => {})
      }
      await expect(transact(task, endless, { signal })).rejects.toThrow(RangeError)
      await expect(transact(task, unused, { signal })).rejects.toThrow(RangeError)
      expect([await isWritten(note), await listOf(task)]).toEqual([false, []])
      expect(await transact(task, write(note))).toEqual({ kind: 'completed', result: '1' })
    })

    it('is told of a statement that was refused, and cannot be committed then although that was caught', async () => {
      const note = mint()
      const task = await begin()
      await transact(task, write(note))
      const other = { name: 'other' }
      await expect(transact(task, write(note), other)).rejects.toMatchObject({ code: '23505' })
      const caught: unknown[] = []
      const careless: TransactedWork = async ({ query }) => {
        await query(insertNote, [note]).catch((error: unknown) => caught.push(error))
        return '1'
      }
      await expect(transact(task, careless, other)).rejects.toMatchObject({ name: 'EffectQueryError', code: '25P02' })
      expect(caught).toEqual([expect.any(EffectQueryError)])
      expect(await listOf(task)).toHaveLength(1)
    })
  })
}
