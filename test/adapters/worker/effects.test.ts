import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { EffectInUseError } from '#application/ports/ledger/handler-effects.ts'
import { AbortReason, PermanentError } from '#application/ports/task-handler.ts'
import { retryTask } from '#application/commands/person-commands.ts'
import { changeTask } from '#application/commands/change-task.ts'
import { loadTask, range } from '../../support/task-builders.ts'
import { failureOf, runTask } from './support/run-task.ts'

const idempotent = { mode: 'idempotent' } as const

describe('an effect', () => {
  it('is not repeated by the attempts after the one that completed it', async () => {
    const keys: string[] = []
    const seen: unknown[] = []
    const { world, worker, taskId } = await runTask(async ({ attempt, effect }) => {
      const sent = await effect('send', idempotent, ({ key }) => {
        keys.push(key)
        return { receipt: attempt, at: new Date(0) }
      })
      seen.push(sent)
      if (attempt < 3) throw new Error('the rest went wrong')
      return sent
    })
    await world.advance(10_000)
    const receipt = { receipt: 1, at: '1970-01-01T00:00:00.000Z' }
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', result: JSON.stringify(receipt) })
    expect(keys).toHaveLength(1)
    // As it is read from JSON the first time as well.
    expect(seen).toEqual([receipt, receipt, receipt])
    expect(await world.ledger.list(taskId)).toMatchObject([{ name: 'send', state: 'completed', attempt: 1 }])
    await worker.drain()
  })

  it('is repeated with the same key until it is completed', async () => {
    const keys: string[] = []
    const { world, worker, taskId } = await runTask(({ attempt, effect }) =>
      effect('send', idempotent, ({ key }) => {
        keys.push(key)
        if (attempt < 3) throw new Error('no answer')
      }),
    )
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({
      status: 'SUCCESS',
      result: 'null',
      facts: { attempt: 3 },
    })
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    await worker.drain()
  })

  it('is replayed after a person has opened the task again', async () => {
    let sent = 0
    const { world, client, worker, taskId } = await runTask(async ({ attempt, effect }) => {
      const result = await effect('send', idempotent, () => (sent += 1))
      if (attempt === 1) throw new PermanentError('the rest can never work')
      return result
    })
    await world.advance(1_000)
    expect((await loadTask(world.store, taskId)).status).toBe('FAILED')
    await retryTask(client.process, { taskId, context: {} })
    await world.advance(1_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', result: '1', facts: { attempt: 2 } })
    expect(sent).toBe(1)
    await worker.drain()
  })

  it('ends the task when it was begun with another input', async () => {
    const { world, worker, taskId } = await runTask(async ({ attempt, effect }) => {
      await effect('send', { ...idempotent, input: { to: attempt } }, () => {})
      throw new Error('the rest went wrong')
    })
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({
      status: 'FAILED',
      detail: 'effect-changed',
      facts: { attempt: 2 },
    })
    expect((await failureOf(world, taskId))?.error.name).toBe('EffectChangedError')
    await worker.drain()
  })

  it('has the same input however its members are ordered', async () => {
    const { world, worker, taskId } = await runTask(async ({ attempt, effect }) => {
      const input = attempt === 1 ? { a: 1, b: { c: [1], d: 2 } } : { b: { d: 2, c: [1] }, a: 1 }
      await effect('send', { ...idempotent, input }, () => {})
      if (attempt === 1) throw new Error('once more')
    })
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', facts: { attempt: 2 } })
    await worker.drain()
  })

  it('is refused while the same run performs it, and not any more afterwards', async () => {
    const caught: unknown[] = []
    const { world, worker, taskId } = await runTask(async ({ effect }) => {
      const open = Promise.withResolvers<string>()
      const first = effect('send', idempotent, () => open.promise)
      await effect('send', idempotent, () => 'second').catch((error: unknown) => caught.push(error))
      const other = await effect('other', idempotent, () => 'other')
      open.resolve('first')
      return [await first, other, await effect('send', idempotent, () => 'third')]
    })
    await world.advance(1_000)
    expect(caught).toEqual([expect.any(EffectInUseError)])
    expect(await loadTask(world.store, taskId)).toMatchObject({ result: '["first","other","first"]' })
    await worker.drain()
  })

  it.each(['', '-a', 'a b', 'a'.repeat(129), 'é'])('is refused under the name %j', async (name) => {
    const { world, worker, taskId } = await runTask(({ effect }) => effect(name, idempotent, () => 1))
    await world.advance(500)
    expect((await failureOf(world, taskId))?.error.name).toBe('TypeError')
    expect(await world.ledger.list(taskId)).toEqual([])
    await worker.drain()
  })

  it('ends the task when its input was begun with another Map: any two of them look alike as JSON', async () => {
    const { world, worker, taskId } = await runTask(async ({ attempt, effect }) => {
      await effect('send', { ...idempotent, input: new Map([['attempt', attempt]]) }, () => {})
      throw new Error('the rest went wrong')
    })
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({ detail: 'effect-changed', facts: { attempt: 2 } })
    await worker.drain()
  })

  it('is refused for an input that no fingerprint sees, which is named', async () => {
    const input = { to: () => 'ada' }
    const { world, worker, taskId } = await runTask(({ effect }) => effect('send', { ...idempotent, input }, () => 1))
    await world.advance(500)
    expect((await failureOf(world, taskId))?.error).toMatchObject({
      name: 'TypeError',
      message: 'input.to: no fingerprint sees a function',
    })
    expect(await world.ledger.list(taskId)).toEqual([])
    await worker.drain()
  })

  it.each([
    ['a function', () => () => 1],
    ['a bigint', () => 1n],
    ['more than it may hold', () => 'é'.repeat(32_768)],
  ])('ends the task when its result is %s: it would happen again with every attempt', async (_, work) => {
    const { world, worker, taskId } = await runTask(({ effect }) => effect<unknown>('send', idempotent, work))
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({
      status: 'FAILED',
      detail: 'permanent-error',
      facts: { attempt: 1 },
    })
    await worker.drain()
  })

  it('is refused to a run that has too many of them', async () => {
    const { world, worker, taskId } = await runTask(async ({ effect }) => {
      for (const index of range(1_001)) await effect(`e${index}`, idempotent, () => 1)
    })
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'FAILED', detail: 'permanent-error' })
    expect(await world.ledger.list(taskId)).toHaveLength(1_000)
    await worker.drain()
  })

  it('is recorded when the ledger answers again', async () => {
    let calls = 0
    const failFor = <Answer>(answer: () => Promise<Answer>): Promise<Answer> => {
      calls += 1
      return calls % 4 === 0 ? answer() : Promise.reject(new StoreUnavailableError('away', 'unknown'))
    }
    let sent = 0
    const { world, worker, taskId } = await runTask(({ effect }) => effect('send', idempotent, () => (sent += 1)), {
      ledger: (real) => ({
        ...real,
        claim: (claim) => failFor(() => real.claim(claim)),
        complete: (completion) => failFor(() => real.complete(completion)),
      }),
    })
    await world.advance(10_000)
    expect(await loadTask(world.store, taskId)).toMatchObject({ status: 'SUCCESS', result: '1', facts: { attempt: 1 } })
    expect([sent, calls]).toEqual([1, 8])
    await worker.drain()
  })

  it('is not begun by a run that was cancelled', async () => {
    const caught: unknown[] = []
    let sent = 0
    const { world, client, worker, taskId } = await runTask(async ({ signal, effect }) => {
      await world.timers.sleep(60_000, signal)
      await effect('send', idempotent, () => (sent += 1)).catch((error: unknown) => caught.push(error))
      throw new Error('stopped')
    })
    await world.advance(1_000)
    await changeTask(client.process, { taskId, toCommand: () => ({ type: 'Cancel' }), context: {} })
    await world.advance(5_000)
    expect((await loadTask(world.store, taskId)).status).toBe('CANCELLED')
    expect(caught).toEqual([new AbortReason('cancelled')])
    expect(sent).toBe(0)
    await worker.drain()
  })

  it('is refused to a run that was replaced', async () => {
    const caught: unknown[] = []
    const sent: number[] = []
    const latch = Promise.withResolvers<void>()
    const { world, client, worker, taskId } = await runTask(async ({ attempt, effect }) => {
      if (attempt === 1) await latch.promise
      return effect('send', idempotent, () => sent.push(attempt)).catch((error: unknown) => {
        caught.push(error)
        throw error
      })
    })
    await world.advance(1_000)
    const running = await loadTask(world.store, taskId)
    if (running.status !== 'PROCESSING') throw new Error('it does not run')
    const { run, incarnation } = running
    await changeTask(client.process, {
      taskId,
      toCommand: () => ({ type: 'DeclareLost', run, incarnation, worker: 'silent' }),
      context: {},
    })
    latch.resolve()
    await world.advance(1_000)
    expect(caught).toEqual([new AbortReason('fenced')])
    expect(sent).toEqual([])
    await worker.drain()
  })
})
