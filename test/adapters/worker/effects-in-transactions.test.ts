import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import type { EffectQuery } from '#application/ports/ledger/handler-effects.ts'
import { insertNote } from '../../support/memory-notes.ts'
import { handleTask } from './support/handle-task.ts'

const tx = { mode: 'tx' } as const

describe('an effect in a transaction', () => {
  it('happens once, and later attempts get its result as it is read from JSON', async () => {
    const seen: unknown[] = []
    const task = await handleTask(async ({ attempt, effect }) => {
      const result = await effect('write', tx, async ({ query, key }) => {
        expect(key).toMatch(/^[\w-]{43}$/)
        const { rowCount } = await query(insertNote, ['a'])
        return { rowCount, at: new Date(0) }
      })
      seen.push(result)
      if (attempt < 3) throw new Error('the rest went wrong')
    })
    await task.world.advance(10_000)
    expect((await task.load()).status).toBe('SUCCESS')
    const result = { rowCount: 1, at: '1970-01-01T00:00:00.000Z' }
    expect(seen).toEqual([result, result, result])
    expect(await task.world.notes.read()).toEqual(['a'])
    expect(await task.effects()).toMatchObject([{ mode: 'tx', state: 'completed', attempt: 1 }])
  })

  it('has not happened when its work threw, and is an ordinary failure', async () => {
    const task = await handleTask(({ attempt, effect }) =>
      effect('write', tx, async ({ query }) => {
        await query(insertNote, [`from ${attempt}`])
        if (attempt === 1) throw new RangeError('no')
        return attempt
      }),
    )
    await task.world.advance(500)
    expect(await task.failure()).toMatchObject({ cause: 'handler-error', error: { name: 'RangeError' } })
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ status: 'SUCCESS', result: '2' })
    expect(await task.world.notes.read()).toEqual(['from 2'])
  })

  it('counts once although the reply to its commit is lost and its work is called again', async () => {
    const replies: number[] = []
    const task = await handleTask(
      ({ effect }) => effect('write', tx, ({ query }) => query(insertNote, ['a'])),
      (real) => ({
        ...real,
        transact: async (claim, work) => {
          const verdict = await real.transact(claim, work)
          if (replies.push(1) < 4) throw new StoreUnavailableError('away', 'unknown')
          return verdict
        },
      }),
    )
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ status: 'SUCCESS', facts: { attempt: 1 } })
    expect([await task.world.notes.read(), replies]).toEqual([['a'], [1, 1, 1, 1]])
  })

  it('is rolled back when its run is cancelled, although its handler ignores that', async () => {
    const task = await handleTask(({ effect }) =>
      effect('write', tx, async ({ query }) => {
        await query(insertNote, ['a'])
        return new Promise(() => {})
      }),
    )
    await task.world.advance(500)
    await task.cancel()
    await task.world.advance(30_000)
    expect((await task.load()).status).toBe('CANCELLED')
    expect([await task.world.notes.read(), await task.effects()]).toEqual([[], []])
  })

  it('refuses to end its transaction, what it cannot read, and what comes after its work', async () => {
    const caught: unknown[] = []
    const task = await handleTask(async ({ effect }) => {
      const kept: EffectQuery[] = []
      await effect('write', tx, async ({ query }) => {
        kept.push(query)
        await query('/* done */ commit').catch((error: unknown) => caught.push(error))
        await Reflect.apply(query, undefined, [insertNote, 'a']).catch((error: unknown) => caught.push(error))
        await query(insertNote, ['a'])
      })
      await kept[0]?.(insertNote, ['b']).catch((error: unknown) => caught.push(error))
      await effect('send', { mode: 'idempotent' }, (context) => Reflect.get(context, 'query')(insertNote, ['c'])).catch(
        (error: unknown) => caught.push(error),
      )
    })
    await task.world.advance(500)
    expect((await task.load()).status).toBe('SUCCESS')
    expect(caught).toEqual([
      new TypeError('effect write: COMMIT is not for its work: the ledger begins and ends the transaction'),
      new TypeError('effect write: query takes the text of a statement, and a list of values'),
      new TypeError('effect write: its work has ended, and its transaction with it'),
      new TypeError('effect send: only an effect in mode tx has a query, and this is idempotent'),
    ])
    expect(await task.world.notes.read()).toEqual(['a'])
  })

  it('ends the task when its result cannot be kept, and has not happened', async () => {
    const task = await handleTask(({ effect }) =>
      effect('write', tx, async ({ query }) => {
        await query(insertNote, ['a'])
        return 'é'.repeat(32_768)
      }),
    )
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ status: 'FAILED', detail: 'permanent-error', facts: { attempt: 1 } })
    expect(await task.world.notes.read()).toEqual([])
  })

  it('ends the task when it was begun before with another input or in another mode', async () => {
    const task = await handleTask(async ({ attempt, effect }) => {
      if (attempt === 1) await effect('write', tx, ({ query }) => query(insertNote, ['a']))
      else await effect('write', { ...tx, input: attempt }, () => 1)
      throw new Error('the rest went wrong')
    })
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ status: 'FAILED', detail: 'effect-changed', facts: { attempt: 2 } })
  })
})
