import { describe, expect, it } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { Routes } from '#application/ports/heads/routes.ts'
import type { RunIndex, RunningHead } from '#application/ports/heads/run-index.ts'
import type { Incarnation } from '#domain/identifiers.ts'
import type { Task } from '#domain/task/state.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { mintIncarnation } from '../support/ids.ts'
import { fail, release, runOf, start, succeed } from '../support/run-commands.ts'
import { appendCommand, makeSubmission, range, submitTo } from '../support/task-builders.ts'

export interface RunIndexWorld extends ContractWorld {
  readonly store: EventStore
  readonly runs: RunIndex
  readonly routes: Routes
}

const byTaskId = (tasks: readonly Task[]): readonly RunningHead[] =>
  tasks.map((task) => ({ taskId: task.taskId, run: runOf(task) })).toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1))

/** The contract of every RunIndex. */
export const describeRunIndex = (name: string, setup: Setup<RunIndexWorld>): void => {
  describe(`the run index (${name})`, () => {
    const world = useWorld(setup)

    const begin = async (incarnation: Incarnation): Promise<Task> => {
      const task = await submitTo(world(), makeSubmission({ maxAttempts: 2 }))
      return appendCommand(world().store, task, start(task, incarnation))
    }
    const beginMany = (incarnation: Incarnation, count: number): Promise<readonly Task[]> =>
      Promise.all(range(count).map(() => begin(incarnation)))

    const listOwn = async (own: readonly Incarnation[]): Promise<readonly Incarnation[]> =>
      (await world().runs.listRunningIncarnations()).filter((incarnation) => own.includes(incarnation)).toSorted()

    describe('incarnations that tasks run under', () => {
      it('are named once each', async () => {
        const own = [mintIncarnation(), mintIncarnation(), mintIncarnation()].toSorted()
        for (const incarnation of own) await beginMany(incarnation, 3)
        expect(await listOwn(own)).toEqual(own)
      })

      it('are not named when their last run is over, whatever its end', async () => {
        const { store } = world()
        const own = range(5).map(mintIncarnation)
        const ends = [
          (task: Task) => appendCommand(store, task, succeed(task)),
          (task: Task) => appendCommand(store, task, fail(task)),
          (task: Task) => appendCommand(store, task, release(task)),
          async (task: Task) => {
            const cancelling = await appendCommand(store, task, { type: 'Cancel' })
            return appendCommand(store, cancelling, release(cancelling))
          },
        ]
        for (const [index, incarnation] of own.entries()) {
          const task = await begin(incarnation)
          await ends[index]?.(task)
        }
        expect(await listOwn(own)).toEqual(own.slice(4))
      })
    })

    describe('runs of an incarnation', () => {
      it('come by task id, each with the version of its Started', async () => {
        const { store } = world()
        const incarnation = mintIncarnation()
        const tasks = await beginMany(incarnation, 5)
        const first = await begin(mintIncarnation())
        const failed = await appendCommand(store, first, fail(first))
        const again = await appendCommand(store, failed, start(failed, incarnation))
        expect(runOf(again)).toBe(5)
        expect(await world().runs.listRuns(incarnation, 100)).toEqual(byTaskId([...tasks, again]))
      })

      it('come up to the limit, the lowest ids first', async () => {
        const incarnation = mintIncarnation()
        const tasks = await beginMany(incarnation, 5)
        expect(await world().runs.listRuns(incarnation, 2)).toEqual(byTaskId(tasks).slice(0, 2))
      })

      it('are only those in force under this incarnation', async () => {
        const { store } = world()
        const [one, other] = [mintIncarnation(), mintIncarnation()]
        const moved = await begin(one)
        const released = await appendCommand(store, moved, release(moved))
        const taken = await appendCommand(store, released, start(released, other))
        expect(await world().runs.listRuns(one, 100)).toEqual([])
        expect(await world().runs.listRuns(other, 100)).toEqual(byTaskId([taken]))
        expect(await world().runs.listRuns(mintIncarnation(), 100)).toEqual([])
      })
    })

    describe('runs whose cancellation was requested', () => {
      it('are those and no others of the incarnation, by task id', async () => {
        const { store } = world()
        const incarnation = mintIncarnation()
        const tasks = await beginMany(incarnation, 6)
        const elsewhere = await begin(mintIncarnation())
        const toCancel = tasks.filter((_, index) => index % 2 === 0)
        for (const task of [...toCancel, elsewhere]) await appendCommand(store, task, { type: 'Cancel' })
        expect(await world().runs.listCancelling(incarnation)).toEqual(byTaskId(toCancel))
        expect(await world().runs.listRuns(incarnation, 100)).toEqual(byTaskId(tasks))
      })

      it('are gone when the run is over, and not there for a later run', async () => {
        const { store } = world()
        const incarnation = mintIncarnation()
        const task = await begin(incarnation)
        const cancelling = await appendCommand(store, task, { type: 'Cancel' })
        const cancelled = await appendCommand(store, cancelling, release(cancelling))
        expect(await world().runs.listCancelling(incarnation)).toEqual([])
        const reopened = await appendCommand(store, cancelled, { type: 'Reopen' })
        await appendCommand(store, reopened, start(reopened, incarnation))
        expect(await world().runs.listCancelling(incarnation)).toEqual([])
      })
    })
  })
}
