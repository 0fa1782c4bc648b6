import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createWaitingTasks } from '#adapters/worker/prefetch/waiting-tasks.ts'
import { createManualTime } from '#adapters/memory/surroundings/manual-time.ts'
import { createMemoryTaskQueue } from '#adapters/memory/queue/task-queue.ts'
import { createLanes } from '#application/hints/lanes.ts'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import type { Startable } from '#application/runs/task-loader.ts'
import { noTask } from '#domain/task/state.ts'
import { makeAppend, range, submit, toTask } from '../../../support/task-builders.ts'

const makeStartable = (): Startable => {
  const first = makeAppend(noTask, submit())
  return { task: toTask(noTask, first, 0), events: [], trace: {} }
}

it('gives tasks in the order they came, however they come and go', () => {
  const many = range(60).map(makeStartable)
  const steps = fc.array(fc.record({ add: fc.nat(9), take: fc.nat(9) }), { maxLength: 30 })
  fc.assert(
    fc.property(steps, (program) => {
      const { clock, timers, storeClock } = createManualTime()
      const queue = createMemoryTaskQueue({ timers })
      const lanes = createLanes({ readWorkers: async () => [], clock })
      const announcer = createReadyAnnouncer({ queue, lanes, storeClock, timers, count: () => {}, horizonMs: 0 })
      const waiting = createWaitingTasks({ clock, announcer })
      const expected: Startable[] = []
      let next = 0
      for (const { add, take } of program) {
        const some = many.slice(next, next + add)
        next += some.length
        waiting.add(some)
        expected.push(...some)
        expect(waiting.take(take)).toEqual(expected.splice(0, take))
        expect(waiting.size()).toBe(expected.length)
        for (const { task } of many) expect(waiting.has(task.taskId)).toBe(expected.some((one) => one.task === task))
      }
    }),
    { numRuns: 50 },
  )
})
