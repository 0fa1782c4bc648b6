import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { groupCommitLimits } from '#adapters/postgres/group-commit.ts'
import { StoreOverloadedError, StoreUnavailableError, UnstorableAppendError } from '#application/ports/event-store.ts'
import { range } from '../../support/task-builders.ts'
import { causeOf, open, parcel } from './support/open-group.ts'
import {
  appended,
  contentError,
  lostConnection,
  noConnection,
  serverError,
  streamsOf,
} from './support/scripted-flush.ts'

describe('a group commit', () => {
  it('sends one append at once, and those that come meanwhile together', async () => {
    const { append, next } = open()
    const first = append('a')
    const flush = await next()
    const others = ['b', 'c', 'd'].map((streamId) => append(streamId))
    flush.answer()
    expect(await first).toEqual({ kind: 'appended', streamId: 'a' })
    const second = await next()
    expect(streamsOf(second)).toEqual(['b', 'c', 'd'])
    second.answer()
    expect(await Promise.all(others)).toEqual(['b', 'c', 'd'].map((streamId) => appended(parcel(streamId))))
  })

  it('sends together what comes in one turn, and what its verdicts lead to in the next', async () => {
    const { append, next } = open({ flushesInFlightMax: 2 })
    const chains = ['a', 'b', 'c'].map(async (streamId) => {
      await append(streamId)
      await append(`${streamId} again`)
    })
    const first = await next()
    expect(streamsOf(first)).toEqual(['a', 'b', 'c'])
    first.answer()
    const second = await next()
    expect(streamsOf(second)).toEqual(['a again', 'b again', 'c again'])
    second.answer()
    await Promise.all(chains)
  })

  it('has as many flushes under way as it may', async () => {
    const { append, next, inHand } = open({ flushesInFlightMax: 2, appendsPerFlushMax: 1 })
    const verdicts = ['a', 'b', 'c'].map((streamId) => append(streamId))
    const [one, other] = [await next(), await next()]
    expect(inHand()).toBe(0)
    other.answer()
    const third = await next()
    expect([streamsOf(one), streamsOf(other), streamsOf(third)]).toEqual([['a'], ['b'], ['c']])
    one.answer()
    third.answer()
    await Promise.all(verdicts)
  })

  it('shares a long line among its connections, and divides no short one', async () => {
    const { append, next } = open({ flushesInFlightMax: 2 })
    const many = range(301).map((place) => append(`stream ${place}`))
    const [one, other] = [await next(), await next()]
    expect([streamsOf(one).length, streamsOf(other).length]).toEqual([151, 150])
    one.answer()
    other.answer()
    await Promise.all(many)
    const few = range(60).map((place) => append(`stream ${place}`))
    const together = await next()
    expect(streamsOf(together)).toHaveLength(60)
    together.answer()
    await Promise.all(few)
  })

  it('has one more under way than for short lines, when there is a share of a long one for it', async () => {
    const { append, next, inHand } = open({ flushesInFlightMax: 3, flushesOfShortLinesMax: 2 })
    const first = range(400).map((place) => append(`stream ${place}`))
    const [one, other] = [await next(), await next()]
    expect([streamsOf(one).length, streamsOf(other).length]).toEqual([200, 200])
    const few = range(99).map((place) => append(`late ${place}`))
    await turn()
    expect(inHand()).toBe(0)
    const last = append('the hundredth')
    const third = await next()
    expect(streamsOf(third)).toHaveLength(100)
    for (const flush of [one, other, third]) flush.answer()
    await Promise.all([...first, ...few, last])
  })

  it('bounds a batch by count', async () => {
    const { append, answerAll } = open({ appendsPerFlushMax: 10 })
    const sizes: number[] = []
    answerAll((flush) => {
      sizes.push(streamsOf(flush).length)
      flush.answer()
    })
    await Promise.all(range(35).map((place) => append(`stream ${place}`)))
    expect(sizes).toEqual([10, 10, 10, 5])
  })

  it('bounds a batch by bytes, but takes one that is too heavy alone', async () => {
    const { append, answerAll } = open({ bytesPerFlushMax: 100 })
    const batches: (readonly number[])[] = []
    answerAll((flush) => {
      batches.push(flush.depart().map((member) => member.bytes))
      flush.answer()
    })
    await Promise.all([1, 40, 40, 40, 500, 100, 1].map((bytes, place) => append(`stream ${place}`, bytes)))
    expect(batches).toEqual([[1, 40, 40], [40], [500], [100], [1]])
  })

  it('has one append a stream in a batch, in the order they came', async () => {
    const { append, answerAll } = open()
    const batches: (readonly string[])[] = []
    answerAll((flush) => {
      batches.push(streamsOf(flush))
      flush.answer()
    })
    await Promise.all(['z', 'a', 'a', 'b', 'a', 'b'].map((streamId) => append(streamId)))
    expect(batches).toEqual([['z', 'a', 'b'], ['a', 'b'], ['a']])
  })
})

describe('a batch that the server refuses for its content', () => {
  it.each([[['f']], [['a']], [['h']], [['c', 'f']]])(
    'is cut in two until the culprits %s are alone',
    async (culprits) => {
      const { append, answerAll } = open()
      const stored: string[] = []
      answerAll((flush) => {
        if (streamsOf(flush).some((streamId) => culprits.includes(streamId))) return flush.fail(contentError())
        stored.push(...streamsOf(flush))
        flush.answer()
      })
      const streams = ['first', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
      const outcomes = await Promise.all(streams.map((streamId) => causeOf(append(streamId))))
      const failed = streams.filter((_, place) => outcomes[place] !== undefined)
      expect(failed).toEqual(culprits)
      expect(
        outcomes.filter((outcome) => outcome !== undefined && !(outcome instanceof UnstorableAppendError)),
      ).toEqual([])
      expect(stored).toEqual(streams.filter((streamId) => !culprits.includes(streamId)))
    },
  )

  it('is sent once more when the server rolled it back for its own reasons, and then cut in two', async () => {
    const { append, answerAll } = open()
    const sizes: number[] = []
    answerAll((flush) => {
      sizes.push(streamsOf(flush).length)
      if (streamsOf(flush).length > 2) flush.fail(serverError('40P01'))
      else flush.answer()
    })
    await Promise.all(['first', 'a', 'b', 'c', 'd'].map((streamId) => append(streamId)))
    expect(sizes).toEqual([5, 5, 3, 3, 2, 1, 2])
  })
})

describe('a batch of which no answer came', () => {
  it.each([
    ['the connection was lost', lostConnection],
    ['the server was shut down', () => serverError('57P01')],
    ['the pipe broke', () => Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })],
    ['the server became read-only', () => serverError('25006')],
    ['the disk was full', () => serverError('53100')],
  ])('is sent again as it was: %s', async (_, makeError) => {
    const { append, next } = open()
    const first = append('first')
    const flush = await next()
    const parcels = [parcel('a'), parcel('b')]
    const others = Promise.all([append('a'), append('b')])
    flush.answer()
    await first
    const lost = await next()
    lost.depart()
    lost.fail(makeError())
    const again = await next()
    expect(again.depart()).toEqual(parcels)
    expect(again.depart()[0]).toBe(lost.depart()[0])
    again.answer()
    expect(await others).toEqual(parcels.map(appended))
  })

  it('leaves its fate unknown when the answer never comes', async () => {
    const { append, next } = open({ verdictDeadlineMs: 50 })
    const outcome = causeOf(append('a'))
    const flush = await next()
    flush.depart()
    expect(await outcome).toMatchObject({ code: 'store-unavailable', fate: 'unknown' })
    flush.answer()
  })

  it('was not stored when there never was a connection', async () => {
    const { append, answerAll } = open({ verdictDeadlineMs: 50 })
    answerAll((flush) => {
      flush.fail(noConnection())
    })
    expect(await causeOf(append('a'))).toMatchObject({ code: 'store-unavailable', fate: 'not-stored' })
  })

  it('does not travel when it was given up while the flush waited for a connection', async () => {
    const { append, next } = open({ verdictDeadlineMs: 50 })
    const outcome = causeOf(append('a'))
    const flush = await next()
    expect(await outcome).toBeInstanceOf(StoreOverloadedError)
    expect(flush.depart()).toEqual([])
    flush.answer()
  })

  it('keeps its fate when its head is then found held, because its own twin may hold it', async () => {
    const { append, next, answerAll } = open({ verdictDeadlineMs: 60_000, busyDeadlineMs: 50 })
    const outcome = causeOf(append('a'))
    const lost = await next()
    lost.depart()
    lost.fail(lostConnection())
    answerAll((flush) => {
      flush.answer(() => ({ kind: 'busy' }))
    })
    expect(await outcome).toMatchObject({ code: 'store-unavailable', fate: 'unknown' })
  })

  it('stops those behind it no longer than their deadline, which shows within two seconds', async () => {
    expect(groupCommitLimits.verdictDeadlineMs + 50).toBeLessThan(2_000)
    const { append, next, group } = open({ verdictDeadlineMs: 50 })
    const outcomes = [causeOf(append('a'))]
    const flush = await next()
    flush.depart()
    outcomes.push(causeOf(append('b')))
    expect(await outcomes[0]).toBeInstanceOf(StoreUnavailableError)
    expect(await outcomes[1]).toBeInstanceOf(StoreOverloadedError)
    flush.fail(lostConnection())
    const behind = append('c')
    const third = await next()
    expect(streamsOf(third)).toEqual(['c'])
    third.answer()
    expect(await behind).toMatchObject({ streamId: 'c' })
    await group.close()
  })
})

describe('a group commit that is closed', () => {
  it('finishes what it accepted and refuses the rest', async () => {
    const { append, next, group } = open()
    const accepted = [append('a')]
    const flush = await next()
    accepted.push(append('b'))
    let state = 'open'
    const closed = group.close().then(() => {
      state = 'closed'
    })
    expect(await causeOf(append('c'))).toMatchObject({ code: 'store-unavailable', fate: 'not-stored' })
    expect(state).toBe('open')
    flush.answer()
    const second = await next()
    second.answer()
    await closed
    expect(await Promise.all(accepted)).toHaveLength(2)
  })

  it('is closed at once when nothing is under way, and as often as one likes', async () => {
    const { group } = open()
    await group.close()
    await group.close()
  })
})
