import { describe, expect, it } from 'vitest'
import { loadBytesMax, UndecodableStreamError } from '#application/ports/events/event-store.ts'
import { mintTaskId } from '../../support/ids.ts'
import { start, succeed } from '../../support/run-commands.ts'
import { appendCommand, makeSubmission, range, submitMany, submitTo } from '../../support/task-builders.ts'
import type { EventStoreWorld } from './world.ts'

export const describeLoads = (world: () => EventStoreWorld): void => {
  describe('one stream', () => {
    it('is empty when nothing was appended, and comes with the clock all the same', async () => {
      const { now, events } = await world().store.loadStream(mintTaskId())
      expect(events).toEqual([])
      expect(Number.isSafeInteger(now)).toBe(true)
    })

    it('comes with a clock that has reached its last event and goes on', async () => {
      const task = await submitTo(world())
      const before = await world().store.loadStream(task.taskId)
      await world().advance(20)
      const behind = await world().store.loadStream(task.taskId)
      expect(before.now).toBeGreaterThanOrEqual(task.times.changedAt)
      expect(behind.now).toBeGreaterThan(before.now)
    })

    it('throws when it cannot be decoded', async () => {
      const task = await submitTo(world())
      await world().damage(task.taskId)
      await expect(world().store.loadStream(task.taskId)).rejects.toBeInstanceOf(UndecodableStreamError)
    })
  })

  describe('many streams', () => {
    it('come in one answer: those that exist, whole and in order', async () => {
      const { store } = world()
      const [pending, other] = await submitMany(world(), 2)
      if (pending === undefined || other === undefined) throw new Error('two were submitted')
      await appendCommand(store, pending, start(pending))
      const unknown = mintTaskId()
      const { now, streams } = await store.loadStreams([other.taskId, unknown, pending.taskId])
      expect(new Set(streams.keys())).toEqual(new Set([pending.taskId, other.taskId]))
      for (const { taskId } of [pending, other]) {
        const { events } = await store.loadStream(taskId)
        expect(streams.get(taskId)).toEqual({ kind: 'events', events })
      }
      expect(now).toBeGreaterThanOrEqual(other.times.changedAt)
    })

    it('are not spoiled by one that cannot be decoded', async () => {
      const tasks = await submitMany(world(), 3)
      const damaged = tasks[1]?.taskId ?? mintTaskId()
      await world().damage(damaged)
      const { streams } = await world().store.loadStreams(tasks.map((task) => task.taskId))
      expect(tasks.map((task) => streams.get(task.taskId)?.kind)).toEqual(['events', 'undecodable', 'events'])
      expect(streams.get(damaged)).toMatchObject({ error: expect.any(UndecodableStreamError) })
    })

    it('are answered once when an id is named twice', async () => {
      const { taskId } = await submitTo(world())
      const { streams } = await world().store.loadStreams([taskId, taskId])
      expect(streams.size).toBe(1)
      expect(streams.get(taskId)).toMatchObject({ events: [{ version: 1 }] })
    })

    it('may be none, and then the answer is the clock alone', async () => {
      const { now, streams } = await world().store.loadStreams([])
      expect(streams.size).toBe(0)
      expect(now).toBeGreaterThan(0)
    })

    it('come without what payloads and results weigh, as outlines', async () => {
      const { store } = world()
      const [pending, done] = await submitMany(world(), 2, makeSubmission({ payload: '"heavy"' }))
      if (pending === undefined || done === undefined) throw new Error('two were submitted')
      const running = await appendCommand(store, done, start(done))
      await appendCommand(store, running, succeed(running, '"heavy, too"'))
      const damaged = await submitTo(world())
      await world().damage(damaged.taskId)
      const taskIds = [pending.taskId, done.taskId, damaged.taskId]
      const whole = JSON.stringify([...(await store.loadStreams(taskIds)).streams])
      const outlines = JSON.stringify([...(await store.loadOutlines(taskIds)).streams])
      expect(whole).toContain('heavy, too')
      expect(outlines).toBe(whole.replaceAll(/"\\"heavy(, too)?\\""/g, '"null"'))
    })

    it('come as far as a load may weigh, light ones first, and the others are named', async () => {
      const heavy = makeSubmission({ payload: JSON.stringify('x'.repeat(250_000)) })
      const tasks = [...(await submitMany(world(), 30, heavy)), ...(await submitMany(world(), 5))]
      const light = tasks.slice(30)
      let asked = tasks.map((task) => task.taskId)
      for (let calls = 0; asked.length > 0; calls += 1) {
        expect(calls).toBeLessThan(5)
        const { streams, leftOut } = await world().store.loadStreams(asked)
        expect([...streams.keys(), ...leftOut].toSorted()).toEqual(asked.toSorted())
        if (calls === 0) for (const { taskId } of light) expect(streams.has(taskId)).toBe(true)
        let bytes = 0
        for (const [taskId, content] of streams) {
          const { events } = await world().store.loadStream(taskId)
          expect(content).toEqual({ kind: 'events', events })
          bytes += JSON.stringify(events).length
        }
        expect(bytes).toBeLessThan(1.2 * loadBytesMax)
        asked = [...leftOut]
      }
    })

    it('are a thousand at most', async () => {
      const taskIds = range(1_001).map(mintTaskId)
      await expect(world().store.loadStreams(taskIds)).rejects.toBeInstanceOf(RangeError)
      expect((await world().store.loadStreams(taskIds.slice(1))).streams.size).toBe(0)
    })
  })
}
