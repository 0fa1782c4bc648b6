import { describe, expect, it } from 'vitest'
import { createManualTime } from '#adapters/memory/surroundings/manual-time.ts'
import { createWorkerLease } from '#adapters/worker/lease/worker-lease.ts'
import { createSlots } from '#adapters/worker/slots.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { mintIncarnation, mintTaskId } from '../../support/ids.ts'

const setUp = (concurrency = 2) => {
  const time = createManualTime()
  const { clock, timers } = time
  const runtime = { clock, timers, random: () => 0, logger: silentLogger, count: () => {} }
  const slots = createSlots(runtime, { concurrency })
  let changes = 0
  slots.onChange(() => {
    changes += 1
  })
  return { time, clock, slots, taskId: mintTaskId(), changes: () => changes }
}

describe('the slots of a worker', () => {
  it('are held by claims and by handlers, but not by outcomes that are being recorded', () => {
    const { slots, taskId } = setUp()
    slots.claim(taskId)
    expect(slots.free()).toBe(1)
    slots.begin()
    expect(slots.free()).toBe(1)
    slots.release(taskId)
    slots.leave()
    expect(slots.free()).toBe(2)
    expect(slots.counts()).toEqual({ starting: 0, handlers: 0, unrecorded: 1 })
    slots.recorded()
    expect(slots.counts()).toEqual({ starting: 0, handlers: 0, unrecorded: 0 })
  })

  it('stay held by a handler that was given up on, whose task may be taken again', () => {
    const { slots, taskId } = setUp()
    slots.claim(taskId)
    slots.begin()
    slots.release(taskId)
    slots.recorded()
    expect([slots.isTaken(taskId), slots.free()]).toEqual([false, 1])
    slots.leave()
    expect(slots.free()).toBe(2)
  })

  it.each(['drop', 'handBack'] as const)('are free again after a claim that ends by %s', (end) => {
    const { slots, taskId } = setUp()
    slots.claim(taskId)
    expect(slots.isTaken(taskId)).toBe(true)
    slots[end](taskId)
    expect([slots.isTaken(taskId), slots.free()]).toEqual([false, 2])
  })

  it('are none while a thousand outcomes wait for the store', () => {
    const { slots } = setUp()
    for (let run = 0; run < 1_000; run += 1) {
      slots.claim(mintTaskId())
      slots.begin()
      slots.leave()
    }
    expect(slots.free()).toBe(0)
  })

  it('are none, and ask for no tasks, once the worker drains', () => {
    const { slots } = setUp()
    expect([slots.free(), slots.target()]).toEqual([2, 2])
    slots.drain()
    expect([slots.free(), slots.target()]).toEqual([0, 0])
  })

  it('ask for as many tasks more as became runs lately', async () => {
    const { slots, time } = setUp()
    for (const taskId of [mintTaskId(), mintTaskId(), mintTaskId()]) {
      slots.claim(taskId)
      slots.begin()
      slots.leave()
    }
    expect(slots.target()).toBe(5)
    await time.advance(1_000)
    expect(slots.target()).toBe(2)
  })

  it('tell of many changes in one turn once', async () => {
    const { slots, time, changes } = setUp()
    for (const taskId of [mintTaskId(), mintTaskId()]) {
      slots.claim(taskId)
      slots.drop(taskId)
    }
    expect(changes()).toBe(0)
    await time.advance(1)
    expect(changes()).toBe(1)
  })

  it('tell that their lease is over before isHeld answers', () => {
    const { slots, clock } = setUp()
    const told: string[] = []
    const heartbeat = {
      lastAcknowledgedSentAtMs: () => Number.NEGATIVE_INFINITY,
      report: () => {},
      stop: async () => {},
    }
    const incarnation = mintIncarnation()
    const lease = createWorkerLease(clock, {
      incarnation,
      heartbeat,
      leaseMs: 1_000,
      onEnded: slots.endLease.bind(slots),
    })
    slots.onLeaseEnd((over) => told.push(over.incarnation))
    slots.openUnder(lease)
    expect(lease.isHeld()).toBe(false)
    expect(told).toEqual([incarnation])
    expect(slots.lease()).toBeUndefined()
  })
})
