import { describe, expect, it } from 'vitest'
import { askAgain, askUntilAnswered } from '#application/mechanisms/ask-until-answered.ts'

/** Answers after `failures` failures, and notes how long it was waited between questions. */
const createStore = (failures: number) => {
  const waitsMs: number[] = []
  const firstFailures: unknown[] = []
  let asked = 0
  return {
    waitsMs,
    firstFailures,
    asked: () => asked,
    ask: async (): Promise<string> => {
      asked += 1
      if (asked <= failures) throw new Error(`failure ${asked}`)
      return 'answer'
    },
    asking: {
      isPassing: () => true,
      sleep: async (delayMs: number) => void waitsMs.push(delayMs),
      random: () => 0.999_999,
      onFirstFailure: (error: unknown) => void firstFailures.push(error),
    },
  }
}

describe('a question that is asked until it is answered', () => {
  it('is asked once when the answer comes at once', async () => {
    const store = createStore(0)
    expect(await askUntilAnswered(store.ask, store.asking)).toBe('answer')
    expect([store.asked(), store.waitsMs, store.firstFailures]).toEqual([1, [], []])
  })

  it('waits for longer after each failure, up to two seconds', async () => {
    const store = createStore(8)
    expect(await askUntilAnswered(store.ask, store.asking)).toBe('answer')
    expect(store.waitsMs.map(Math.round)).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000])
  })

  it('tells of the first failure alone', async () => {
    const store = createStore(3)
    await askUntilAnswered(store.ask, store.asking)
    expect(store.firstFailures).toEqual([new Error('failure 1')])
  })

  it('ends with a failure that does not pass by itself', async () => {
    const store = createStore(3)
    const asking = askUntilAnswered(store.ask, {
      ...store.asking,
      isPassing: (error) => error instanceof Error && error.message === 'failure 1',
    })
    await expect(asking).rejects.toThrow('failure 2')
    expect(store.asked()).toBe(2)
  })
})

describe('a question that failed once and is asked again', () => {
  it('waits before the second question', async () => {
    const store = createStore(0)
    expect(await askAgain(store.ask, new Error('failure 0'), store.asking)).toBe('answer')
    expect(store.waitsMs.map(Math.round)).toEqual([50])
    expect(store.firstFailures).toEqual([new Error('failure 0')])
  })

  it('is not asked again after a failure that does not pass by itself', async () => {
    const store = createStore(0)
    const asking = askAgain(store.ask, new Error('failure 0'), { ...store.asking, isPassing: () => false })
    await expect(asking).rejects.toThrow('failure 0')
    expect([store.asked(), store.firstFailures]).toEqual([0, []])
  })
})
