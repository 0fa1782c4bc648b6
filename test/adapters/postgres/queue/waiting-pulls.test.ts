import { describe, expect, it } from 'vitest'
import { createWaitingPulls } from '#adapters/postgres/queue/waiting-pulls.ts'
import type { PulledHints } from '#application/ports/queue/task-queue.ts'
import { mintTaskId } from '../../../support/ids.ts'
import { range } from '../../../support/task-builders.ts'
import { waitUntil } from '../support/fleet.ts'

const anHourMs = 3_600_000
const nothing: PulledHints = { taskIds: [], left: 0 }
const { signal } = new AbortController()

/** A queue of one route as a check sees it; counts the checks. */
const createScriptedQueue = () => {
  const taskIds = range(0).map(mintTaskId)
  let checks = 0
  let locked = 0
  return {
    add: (count: number) => taskIds.push(...range(count).map(mintTaskId)),
    /** Another pull holds all hints during so many checks. */
    lock: (checksLocked: number) => {
      locked = checksLocked
    },
    checks: () => checks,
    take: async ({ max }: { readonly max: number }): Promise<PulledHints> => {
      checks += 1
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
  it('check once for one pushed hint, and serve the pull that came first', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pulls = range(20).map(() => waiting.wait(pullOf(10), nothing, 0))
    queue.add(1)
    waiting.wake([1])
    expect((await pulls[0])?.taskIds).toHaveLength(1)
    expect(queue.checks()).toBe(1)
    waiting.close()
    expect((await Promise.all(pulls)).slice(1)).toEqual(range(19).map(() => nothing))
  })

  it('check until one of them finds fewer hints than it asked for', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pulls = range(5).map(() => waiting.wait(pullOf(2), nothing, 0))
    queue.add(5)
    waiting.wake('all')
    const served = await Promise.all(pulls.slice(0, 3))
    expect(served.map(({ taskIds }) => taskIds.length)).toEqual([2, 2, 1])
    expect(queue.checks()).toBe(3)
    waiting.close()
    await Promise.all(pulls)
  })

  it('do not check for a push to another route', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pull = waiting.wait(pullOf(2), nothing, 0)
    waiting.wake([2, 3])
    waiting.close()
    await pull
    expect(queue.checks()).toBe(0)
  })

  it('poll with one check for all', async () => {
    const queue = createScriptedQueue()
    const polls: number[] = []
    const waiting = createWaitingPulls({
      take: queue.take,
      pollMs: () => {
        polls.push(queue.checks())
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
  it('checks again when a push was notified between its last check and its wait', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const before = waiting.wakes()
    queue.add(1)
    waiting.wake([1])
    expect((await waiting.wait(pullOf(1), nothing, before)).taskIds).toHaveLength(1)
  })

  it('checks again soon when other pulls hold all hints there are', async () => {
    const queue = createScriptedQueue()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    queue.add(1)
    queue.lock(3)
    expect((await waiting.wait(pullOf(1), { taskIds: [], left: 1 }, 0)).taskIds).toHaveLength(1)
    expect(queue.checks()).toBe(4)
  })

  it('is given the hints that were being taken for it when it was aborted', async () => {
    const queue = createScriptedQueue()
    const controller = new AbortController()
    const waiting = createWaitingPulls({ take: queue.take, pollMs: () => anHourMs })
    const pull = waiting.wait({ ...pullOf(1), signal: controller.signal }, nothing, 0)
    queue.add(1)
    waiting.wake([1])
    controller.abort()
    expect((await pull).taskIds).toHaveLength(1)
  })

  it('fails when its check does, and the others go on', async () => {
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
