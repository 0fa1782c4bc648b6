import { describe, expect, it } from 'vitest'
import { type Head, toHead } from '#domain/task/head.ts'
import type { Task } from '#domain/task/state.ts'
import { expectHeadsToEqualFolds } from '../../support/heads.ts'
import { mintIncarnation, mintTaskId } from '../../support/ids.ts'
import { start, succeed } from '../../support/run-commands.ts'
import { appendCommand, makeAppend, makeRoute, submitTo } from '../../support/task-builders.ts'
import type { TaskIndexWorld } from '../task-index.ts'

export const describeMending = (world: () => TaskIndexWorld): void => {
  describe('a head that is repaired', () => {
    const submitAndStart = async (): Promise<Task> => {
      const task = await submitTo(world())
      return appendCommand(world().store, task, start(task))
    }
    const findHead = async (task: Task): Promise<Head | undefined> =>
      (await world().index.findHeads([task.taskId])).get(task.taskId)

    it('becomes the given head, in every member, when its stream ends at that version', async () => {
      const task = await submitAndStart()
      const other: Head = {
        ...toHead(task),
        ...makeRoute(),
        status: 'PENDING',
        priority: -3,
        attempt: 9,
        run: undefined,
        claim: undefined,
        incarnation: undefined,
        readyAt: 1_767_225_600_123,
        lastAt: task.times.changedAt - 1,
      }
      await world().routes.learn([other])
      expect(await world().index.repairHead(other)).toBe('repaired')
      expect(await findHead(task)).toEqual(other)
      expect(await world().index.repairHead(toHead(task))).toBe('repaired')
      expect(await findHead(task)).toEqual(toHead(task))
    })

    it('can be compared and set again', async () => {
      const task = await submitAndStart()
      await world().index.repairHead({ ...toHead(task), incarnation: mintIncarnation() })
      await world().index.repairHead(toHead(task))
      const ended = await appendCommand(world().store, task, succeed(task))
      expect(await findHead(task)).toEqual(toHead(ended))
    })

    it('stays as it is when it was right', async () => {
      const task = await submitAndStart()
      expect(await world().index.repairHead(toHead(task))).toBe('unchanged')
      expect(await findHead(task)).toEqual(toHead(task))
    })

    it('stays as it is when the stream has moved on', async () => {
      const running = await submitAndStart()
      const ended = await appendCommand(world().store, running, succeed(running))
      expect(await world().index.repairHead(toHead(running))).toBe('unchanged')
      expect(await findHead(running)).toEqual(toHead(ended))
    })

    it('stays as it is when the stream has not come that far', async () => {
      const running = await submitAndStart()
      expect(await world().index.repairHead({ ...toHead(running), version: 3 })).toBe('unchanged')
      expect(await findHead(running)).toEqual(toHead(running))
    })

    it('is not created for a stream that does not exist', async () => {
      const task = await submitTo(world())
      const head = { ...toHead(task), taskId: mintTaskId() }
      expect(await world().index.repairHead(head)).toBe('unchanged')
      expect((await world().index.findHeads([head.taskId])).size).toBe(0)
    })

    it('never undoes an append that is made at the same moment', async () => {
      const { store, index } = world()
      const task = await submitAndStart()
      const append = makeAppend(task, succeed(task))
      await Promise.all([index.repairHead(toHead(task)), store.append(append), index.repairHead(toHead(task))])
      // The append may have found the head locked and tried again; once its verdict is there, its head must be too.
      await expectHeadsToEqualFolds(world(), [task.taskId])
      expect((await findHead(task))?.version).toBe(3)
    })
  })
}
