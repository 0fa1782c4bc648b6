import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import {
  type EffectFinding,
  EffectInDoubtError,
  EffectNotDone,
  type OnceOptions,
} from '#application/ports/ledger/handler-effects.ts'
import type { HandlerContext } from '#application/ports/task-handler.ts'
import { handleTask } from './support/handle-task.ts'

const once = { mode: 'once' } as const
const inDoubt = { status: 'FAILED', detail: 'effect-in-doubt' } as const
const never = () => new Promise<never>(() => {})

describe('an effect that happens at most once', () => {
  it('is not repeated by the attempts after the one that completed it', async () => {
    let sent = 0
    const task = await handleTask(async ({ attempt, effect }) => {
      const result = await effect('send', once, () => (sent += 1))
      if (attempt < 3) throw new Error('the rest went wrong')
      return result
    })
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ status: 'SUCCESS', result: '1' })
    expect(await task.effects()).toMatchObject([{ mode: 'once', state: 'completed', attempt: 1 }])
  })

  it('ends the task when it threw, although the handler caught the error, asked again and returned', async () => {
    const caught: unknown[] = []
    let sent = 0
    const task = await handleTask(async ({ effect }) => {
      for (let tries = 0; tries < 2; tries += 1) {
        await effect('send', once, () => {
          sent += 1
          throw new RangeError('no answer')
        }).catch((error: unknown) => caught.push(error))
      }
      return effect('other', once, () => 'fine')
    })
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ ...inDoubt, facts: { attempt: 1 } })
    expect(await task.failure()).toMatchObject({
      cause: 'effect-in-doubt',
      error: { name: 'EffectInDoubtError', message: 'nobody knows whether effect send has happened' },
    })
    expect((await task.failure())?.error.causes).toMatchObject([{ name: 'RangeError', message: 'no answer' }])
    expect(caught).toEqual([expect.any(EffectInDoubtError), expect.any(EffectInDoubtError)])
    expect(sent).toBe(1)
    expect(await task.effects()).toMatchObject([{ state: 'in-doubt' }, { name: 'other', state: 'completed' }])
  })

  it('is begun anew by the next attempt when its work says that nothing was done', async () => {
    const attempts: number[] = []
    const task = await handleTask(({ attempt, effect }) =>
      effect('send', once, () => {
        attempts.push(attempt)
        if (attempt === 1) throw new EffectNotDone('the line was busy')
        return attempt
      }),
    )
    await task.world.advance(500)
    expect(await task.effects()).toMatchObject([{ state: 'started' }])
    expect(await task.failure()).toMatchObject({ cause: 'handler-error', error: { name: 'EffectNotDone' } })
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ status: 'SUCCESS', result: '2' })
    expect(attempts).toEqual([1, 2])
  })

  it.each([
    ['a bigint', () => 1n],
    ['more than it may hold', () => 'é'.repeat(32_768)],
  ])('is in doubt when its result is %s, because it has happened', async (_, work) => {
    const task = await handleTask(({ effect }) => effect<unknown>('send', once, work))
    await task.world.advance(10_000)
    expect(await task.load()).toMatchObject({ ...inDoubt, facts: { attempt: 1 } })
    expect((await task.failure())?.error.causes?.[0]).toMatchObject({ name: 'PermanentError' })
  })

  describe('that its run left behind', () => {
    const leaving = async (options: OnceOptions<string> = once) => {
      const attempts: number[] = []
      const task = await handleTask(async ({ attempt, effect }) => {
        const begun = Promise.withResolvers<void>()
        const sent = effect('send', options, () => {
          attempts.push(attempt)
          begun.resolve()
          return attempt === 1 ? never() : `sent in ${attempt}`
        })
        if (attempt > 1) return sent
        await begun.promise
        throw new Error('gave up waiting')
      })
      await task.world.advance(10_000)
      return { ...task, attempts }
    }

    it('is in doubt for the next, and is never begun again without anybody knowing', async () => {
      const { load, attempts, effects, retry, world } = await leaving()
      expect(await load()).toMatchObject({ ...inDoubt, facts: { attempt: 2 } })
      expect(await effects()).toMatchObject([{ state: 'in-doubt', attempt: 1 }])
      await retry()
      await world.advance(10_000)
      expect(await load()).toMatchObject({ ...inDoubt, facts: { attempt: 3 } })
      expect(attempts).toEqual([1])
    })

    it('goes on as a person settles it', async () => {
      const done = await leaving()
      await done.settle({ kind: 'completed', result: '"found"' })
      await done.retry()
      await done.world.advance(1_000)
      expect(await done.load()).toMatchObject({ status: 'SUCCESS', result: '"found"' })
      expect(done.attempts).toEqual([1])

      const notDone = await leaving()
      await notDone.settle({ kind: 'not-done' })
      await notDone.retry()
      await notDone.world.advance(1_000)
      expect(await notDone.load()).toMatchObject({ status: 'SUCCESS', result: '"sent in 3"' })
      expect(notDone.attempts).toEqual([1, 3])
    })

    it.each<[EffectFinding<string>, object, number[]]>([
      [{ outcome: 'done', result: 'found' }, { status: 'SUCCESS', result: '"found"' }, [1]],
      [{ outcome: 'not-done' }, { status: 'SUCCESS', result: '"sent in 2"' }, [1, 2]],
      [{ outcome: 'unknown' }, inDoubt, [1]],
    ])('is what whoever can be asked says: %j', async (finding, outcome, attempts) => {
      const task = await leaving({ mode: 'once', reconcile: async () => finding })
      expect(await task.load()).toMatchObject(outcome)
      expect(task.attempts).toEqual(attempts)
    })
  })

  describe('of a run that is aborted', () => {
    const work = ({ signal, effect }: HandlerContext) =>
      effect('send', once, async () => {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))
      })

    it('is in doubt, and the run is neither released nor retried when its worker shuts down', async () => {
      const task = await handleTask(work)
      await task.world.advance(500)
      const drained = task.worker.drain()
      await task.world.advance(60_000)
      await drained
      expect(await task.load()).toMatchObject({ ...inDoubt, facts: { attempt: 1 } })
      expect(await task.effects()).toMatchObject([{ state: 'in-doubt' }])
    })

    it('is in doubt at its time limit', async () => {
      const task = await handleTask(work)
      await task.world.advance(120_000)
      expect(await task.load()).toMatchObject({ ...inDoubt, facts: { attempt: 1 } })
    })

    it('is in doubt although its handler ignores the signal and is given up on', async () => {
      const task = await handleTask(async ({ effect }) => {
        await effect('send', once, () => Promise.reject(new Error('no answer'))).catch(() => {})
        await never()
      })
      await task.world.advance(120_000)
      expect(await task.load()).toMatchObject({ ...inDoubt, facts: { attempt: 1 } })
    })

    it('is in doubt in the ledger of a task that was cancelled', async () => {
      const task = await handleTask(work)
      await task.world.advance(500)
      await task.cancel()
      await task.world.advance(5_000)
      expect((await task.load()).status).toBe('CANCELLED')
      expect(await task.effects()).toMatchObject([{ state: 'in-doubt' }])
    })

    it('is no longer claimed when the abort came before its work, which is not called', async () => {
      const latch = Promise.withResolvers<void>()
      let sent = 0
      const task = await handleTask(
        ({ effect }) => effect('send', once, () => (sent += 1)),
        (real) => ({
          ...real,
          claim: async (claim) => {
            const verdict = await real.claim(claim)
            await latch.promise
            return verdict
          },
        }),
      )
      await task.world.advance(500)
      await task.cancel()
      await task.world.advance(5_000)
      latch.resolve()
      await task.world.advance(5_000)
      expect((await task.load()).status).toBe('CANCELLED')
      expect(await task.effects()).toMatchObject([{ state: 'started' }])
      expect(sent).toBe(0)
      await task.retry()
      await task.world.advance(5_000)
      expect(await task.load()).toMatchObject({ status: 'SUCCESS', result: '1' })
    })
  })

  it('is completed when only the reply of the ledger was lost, until the time was over', async () => {
    const task = await handleTask(
      ({ effect }) => effect('send', once, () => 'sent'),
      (real) => ({
        ...real,
        complete: async (completion) => {
          await real.complete(completion)
          throw new StoreUnavailableError('away', 'unknown')
        },
      }),
    )
    await task.world.advance(120_000)
    expect(await task.load()).toMatchObject({ status: 'SUCCESS', result: '"sent"', facts: { attempt: 1 } })
  })
})
