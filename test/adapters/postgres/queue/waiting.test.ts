import { describe, expect, it } from 'vitest'
import { createWaitingPulls } from '#adapters/postgres/queue/waiting-pulls.ts'
import type { PulledHints } from '#application/ports/queue/task-queue.ts'
import { mintTaskId } from '../../../support/ids.ts'
import { range } from '../../../support/task-builders.ts'
import { waitUntil } from '../support/fleet.ts'

const anHourMs = 3_600_000
const nothing: PulledHints = { taskIds: [], left: 0 }
const { signal } = new AbortController()

/** A queue of one route as far as a look sees it, which counts the looks. */
const createScriptedQueue = () => {
  const taskIds = range(0).map(mintTaskId)
  let looks = 0
  let locked = 0
  return {
    add: (count: number) => taskIds.push(...range(count).map(mintTaskId)),
    /** Somebody else holds what is there for so many looks. */
    lock: (looksLocked: number) => {
      locked = looksLocked
    },
    looks: () => looks,
    take: async ({ max }: { readonly max: number }): Promise<PulledHints> => {
      looks += 1
      await Promise.resolve()
      if (locked > 0) {
        locked -= 1
        return { taskIds: [], left: taskIds.length }
      }
      return { taskIds: taskIds.splice(0, max), left: taskIds.length }
    },
  }
}

const pullOf = (max: number) => ({ routes: [1], max, waitMs: 10_000, signal })

describe('many pulls that wait for one route', () => {
  it('look once for news of one hint, and serve the one that came first', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pulls = range(20).map(() => waiting.wait(pullOf(10), nothing, 0))
    queue.add(1)
    waiting.wake([1])
    expect((await pulls[0])?.taskIds).toHaveLength(1)
    expect(queue.looks()).toBe(1)
    waiting.close()
    expect((await Promise.all(pulls)).slice(1)).toEqual(range(19).map(() => nothing))
  })

  it('look for as many as the news are about', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pulls = range(5).map(() => waiting.wait(pullOf(2), nothing, 0))
    queue.add(5)
    waiting.wake('all')
    const served = await Promise.all(pulls.slice(0, 3))
    expect(served.map(({ taskIds }) => taskIds.length)).toEqual([2, 2, 1])
    expect(queue.looks()).toBe(3)
    waiting.close()
    await Promise.all(pulls)
  })

  it('do not look for news of another route', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pull = waiting.wait(pullOf(2), nothing, 0)
    waiting.wake([2, 3])
    waiting.close()
    await pull
    expect(queue.looks()).toBe(0)
  })

  it('poll with one look for all', async () => {
    const queue = createScriptedQueue()
    const polls: number[] = []
    const waiting = createWaitingPulls({
      take: queue.take,
      pollMs: () => {
        polls.push(queue.looks())
        return 5
      },
    })
    const pulls = range(10).map(() => waiting.wait(pullOf(2), nothing, 0))
    await waitUntil(() => polls.length >= 6)
    waiting.close()
    await Promise.all(pulls)
    expect(polls.slice(0, 6)).toEqual([0, 0, 1, 2, 3, 4])
  })
})

describe('a pull that waits', () => {
  it('looks again when there were news between its last look and its wait', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const before = waiting.newsHeard()
    queue.add(1)
    waiting.wake([1])
    expect((await waiting.wait(pullOf(1), nothing, before)).taskIds).toHaveLength(1)
  })

  it('looks again soon when others hold all that is there', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    queue.add(1)
    queue.lock(3)
    expect((await waiting.wait(pullOf(1), { taskIds: [], left: 1 }, 0)).taskIds).toHaveLength(1)
    expect(queue.looks()).toBe(4)
  })

  it('is given what was being taken for it when it was aborted', async () => {
    const queue = createScriptedQueue()
    const controller = new AbortController()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pull = waiting.wait({ ...pullOf(1), signal: controller.signal }, nothing, 0)
    queue.add(1)
    waiting.wake([1])
    controller.abort()
    expect((await pull).taskIds).toHaveLength(1)
  })

  it('fails when its look does, and the others go on', async () => {
    const queue = createScriptedQueue()
    const failure = new Error('the store is away')
    const failures = [failure]
    const waiting = createWaitingPulls({
      take: async (pull) => {
        const failed = failures.pop()
        if (failed !== undefined) throw failed
        return queue.take(pull)
      },
      pollMs: () => anHourMs,
    })
    const [first, second] = [waiting.wait(pullOf(1), nothing, 0), waiting.wait(pullOf(1), nothing, 0)]
    const refused = expect(first).rejects.toBe(failure)
    waiting.wake([1])
    await refused
    queue.add(1)
    waiting.wake([1])
    expect((await second).taskIds).toHaveLength(1)
  })
})
