import { connect, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { backOffMs } from '#application/mechanisms/back-off.ts'
import { createOncePerTurn } from '#application/mechanisms/once-per-turn.ts'
import { createSemaphore } from '#application/mechanisms/semaphore.ts'
import { createSlotTable } from '#application/mechanisms/slot-table.ts'
import { withDeadline } from '#application/mechanisms/with-deadline.ts'

describe('a back-off', () => {
  it('draws from the upper half of a wait that doubles up to its limit', () => {
    const limits = { firstMs: 10, mostMs: 35 }
    expect([0, 1, 2, 100].map((failures) => backOffMs(failures, 0, limits))).toEqual([5, 10, 17.5, 17.5])
    expect([0, 1, 2, 100].map((failures) => backOffMs(failures, 1, limits))).toEqual([10, 20, 35, 35])
  })
})

describe('a callback once per turn', () => {
  it('is called once for all who asked during a turn, and again for the next', () => {
    const scheduled: (() => void)[] = []
    let calls = 0
    const ask = createOncePerTurn(
      (callback) => scheduled.push(callback),
      () => (calls += 1),
    )
    ask()
    ask()
    expect(scheduled).toHaveLength(1)
    scheduled.shift()?.()
    expect(calls).toBe(1)
    ask()
    expect(scheduled).toHaveLength(1)
  })
})

describe('a semaphore', () => {
  it('lets only as many work at a time as it has permits, in the order they came', async () => {
    const semaphore = createSemaphore(2)
    const begun: number[] = []
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    const runs = ends.map(({ promise }, index) =>
      semaphore.run(async () => {
        begun.push(index)
        await promise
      }),
    )
    expect(begun).toEqual([0, 1])
    ends[1]?.resolve()
    await runs[1]
    expect(begun).toEqual([0, 1, 2])
    for (const { resolve } of ends) resolve()
    await Promise.all(runs)
    expect(begun).toEqual([0, 1, 2, 3])
  })

  it('takes the permit back from work that fails', async () => {
    const semaphore = createSemaphore(1)
    await expect(semaphore.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    expect(await semaphore.run(async () => 'next')).toBe('next')
  })
})

describe('a slot table', () => {
  it('gives a free slot to the next value, and keeps the others where they are', () => {
    const table = createSlotTable<string>()
    const [a, b] = [table.add('a'), table.add('b')]
    table.remove(a)
    expect(table.add('c')).toBe(a)
    expect(table.get(b)).toBe('b')
    expect(table.values()).toEqual(['c', 'b'])
    expect(table.size()).toBe(2)
  })

  it('frees a slot once, however often it is asked to', () => {
    const table = createSlotTable<string>()
    const slot = table.add('a')
    table.remove(slot)
    table.remove(slot)
    expect(table.size()).toBe(0)
    expect(table.add('b')).not.toBe(table.add('c'))
  })
})

describe('an answer with a deadline', () => {
  it('rejects with the error of the caller when none comes in time, and takes a later failure for nobody’s', async () => {
    const { promise, reject } = Promise.withResolvers<never>()
    await expect(withDeadline(promise, 1, () => new RangeError('late'))).rejects.toThrow(RangeError)
    reject(new Error('too late to matter'))
  })

  it('counts an answer as in time that arrived while something held the event loop beyond it', async () => {
    const server = createServer((socket) => socket.end('answer'))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('it listens on a port')
    const socket = connect(address.port, '127.0.0.1')
    const answer = new Promise<string>((resolve) => {
      socket.once('data', (data) => resolve(data.toString()))
    })
    await new Promise<void>((resolve) => {
      server.once('connection', () => resolve())
    })
    const inTime = withDeadline(answer, 20, () => new Error('late'))
    for (const endsAtMs = performance.now() + 100; performance.now() < endsAtMs;);
    expect(await inTime).toBe('answer')
    server.close()
  })

  it('answers, or fails, as what was asked does', async () => {
    expect(await withDeadline(Promise.resolve('answer'), 60_000, () => new Error('late'))).toBe('answer')
    await expect(withDeadline(Promise.reject(new Error('failed')), 60_000, () => new Error('late'))).rejects.toThrow(
      'failed',
    )
  })
})
