import { createMemoryTaskQueue } from '#adapters/memory/queue/task-queue.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import type { Hint, TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { Host } from '../world/host.ts'
import type { Network, Server } from '../world/network.ts'
import type { Step } from '../world/steps.ts'
import type { World } from '../world/world.ts'

/** The queue of a course, which has no authority and abuses that. */
export interface QueueServer extends Server {
  /** Somebody emptied it. */
  wipe(): void
  /** It has hints again that were taken long ago. */
  resurrect(): void
  /** The queue as one part of a process reaches it. */
  reachedFrom(host: Host, network: Network, steps: QueueSteps): TaskQueue
}

export interface QueueSteps {
  readonly push: Step
  readonly pull: Step
}

const remembered = 60
const deadlineMs = 2_000
const latencyMs = 1
/** A few ids a route: so its bound drops some. */
const queueIdsMax = 12

export const createQueueServer = (world: World): QueueServer => {
  const { scheduler } = world
  const timers: Timers = {
    after: (delayMs, callback) => scheduler.after(delayMs, undefined, 'queue', callback),
    soon: (callback) => void scheduler.after(0, undefined, 'queue', callback),
    sleep: (delayMs) => new Promise((resolve) => void scheduler.after(delayMs, undefined, 'queue', resolve)),
  }
  const pushed: Hint[] = []
  const open = (): TaskQueue => createMemoryTaskQueue({ timers, queueIdsMax })
  let queue = open()

  const push = async (hints: readonly Hint[]): Promise<void> => {
    pushed.push(...hints)
    pushed.splice(0, pushed.length - remembered)
    await queue.push(hints)
    if (!world.strikes('queue-repeats', 0.3)) return
    world.met('queue-repeats')
    const again = hints.map(({ taskId, route }): Hint => ({
      taskId,
      route,
      rank: world.chance('queue-repeats') * 2e12,
    }))
    scheduler.after(world.chance('queue-repeats') * 3_000, undefined, 'repeat', () => void queue.push(again))
  }

  const server: QueueServer = {
    name: 'queue',
    state: 'up',
    wipe: () => {
      queue = open()
    },
    resurrect: () => void queue.push(pushed),
    reachedFrom: (host, network, steps) => {
      const toError = (): Error => new Error('the queue gave no answer')
      const ask = <Answer>(step: Step, waitMs: number, serve: () => Promise<Answer>): Promise<Answer> =>
        network.call({ host, server, steps: [step], serve, deadlineMs: waitMs + deadlineMs, toError })
      return {
        push: (hints) => ask(steps.push, 0, () => push(hints)),
        pull: ({ routes, max, waitMs, signal }) => {
          const ended = new AbortController()
          const end = (): void => void scheduler.after(latencyMs, undefined, 'end of a pull', () => ended.abort())
          signal.addEventListener('abort', end)
          return ask(steps.pull, waitMs, () => queue.pull({ routes, max, waitMs, signal: ended.signal })).finally(() =>
            signal.removeEventListener('abort', end),
          )
        },
        size: (route) => ask(steps.pull, 0, () => queue.size(route)),
      }
    },
  }
  return server
}
