import { describe, expect, it } from 'vitest'
import { createGroupCommit, groupCommitLimits } from '#adapters/postgres/group-commit/group-commit.ts'
import type { BatchItem } from '#adapters/postgres/group-commit/append-queue.ts'
import { StoreOverloadedError, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { createMemoryWorld } from '../../../support/memory-world.ts'
import { causeOf, item } from '../support/open-group.ts'
import { createScriptedConnection, streamsOf, type Verdict } from '../support/scripted-connection.ts'

/** A group commit with the limits of a process, whose server and whose time are in the hands of the test. */
const open = (flushesInFlightMax = 1) => {
  const { time, timers, advance } = createMemoryWorld()
  let heldForMs = 0
  const clock = { monotonicMs: () => time.clock.monotonicMs() + heldForMs }
  const script = createScriptedConnection()
  const limits = { ...groupCommitLimits, flushesInFlightMax }
  const group = createGroupCommit<BatchItem, Verdict>(script.connect, { clock, timers }, limits)
  return {
    ...script,
    group,
    advance,
    append: (streamId: string) => group.append(item(streamId)),
    /** Lets time go by in which no timer of the process can fire. */
    hold: (ms: number) => {
      heldForMs += ms
    },
  }
}

const stateOf = (promise: Promise<unknown>) => {
  let state: 'open' | 'settled' = 'open'
  void promise.finally(() => {
    state = 'settled'
  })
  return () => state
}

describe('a short queue', () => {
  it('waits for the flush before it, but not for one that is slow, and for no more flushes than there may be', async () => {
    const { append, next, inHand, advance } = open(2)
    const verdicts = [append('a')]
    const slow = await next()
    verdicts.push(append('b'))
    await advance(9)
    verdicts.push(append('c'))
    expect(inHand()).toBe(0)
    await advance(1)
    const second = await next()
    expect(streamsOf(second)).toEqual(['b', 'c'])
    verdicts.push(append('d'))
    await advance(20)
    expect(inHand()).toBe(0)
    second.answer()
    const third = await next()
    expect(streamsOf(third)).toEqual(['d'])
    slow.answer()
    third.answer()
    verdicts.push(append('e'))
    const last = await next()
    expect(streamsOf(last)).toEqual(['e'])
    verdicts.push(append('f'))
    await advance(9)
    expect(inHand()).toBe(0)
    last.answer()
    void next().then((flush) => flush.answer())
    await Promise.all(verdicts)
  })
})

describe('the deadline of an append', () => {
  it('is not put off by each try while another transaction holds its head', async () => {
    const { append, answerAll, advance } = open()
    answerAll((flush) => flush.answer(() => ({ kind: 'busy' })))
    const outcome = causeOf(append('held'))
    const state = stateOf(outcome)
    await advance(groupCommitLimits.busyDeadlineMs - 100)
    expect(state()).toBe('open')
    await advance(200)
    expect(await outcome).toBeInstanceOf(StoreOverloadedError)
  })

  it('is not taken for passed by a process that a handler held up: the answer may be there unread', async () => {
    const { append, next, advance, hold } = open()
    const outcome = append('a')
    const flush = await next()
    await advance(100)
    hold(60_000)
    await advance(50)
    flush.answer()
    expect(await outcome).toMatchObject({ streamId: 'a' })
  })

  it('has passed with the next look, when there was no answer to read', async () => {
    const { append, next, advance, hold } = open()
    const outcome = causeOf(append('a'))
    await next()
    await advance(100)
    hold(60_000)
    await advance(100)
    expect(await outcome).toBeInstanceOf(StoreUnavailableError)
  })
})

describe('a group commit that closes', () => {
  it('waits for the appends that wait behind the flush that is under way', async () => {
    const { append, next, group, advance } = open()
    const first = append('a')
    const flush = await next()
    const second = append('b')
    const closed = stateOf(group.close())
    flush.answer()
    await first
    const last = await next()
    await advance(0)
    expect(closed()).toBe('open')
    last.answer()
    await second
    await advance(0)
    expect(closed()).toBe('settled')
  })

  it('waits for a flush whose appends were all given up', async () => {
    const { append, next, group, advance } = open()
    const outcome = causeOf(append('a'))
    const flush = await next()
    await advance(groupCommitLimits.verdictDeadlineMs + 100)
    expect(await outcome).toMatchObject({ fate: 'unknown' })
    const closed = stateOf(group.close())
    await advance(0)
    expect(closed()).toBe('open')
    flush.answer()
    await advance(0)
    expect(closed()).toBe('settled')
  })
})
