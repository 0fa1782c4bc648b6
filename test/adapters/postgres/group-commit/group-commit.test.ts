import { describe, expect, it } from 'vitest'
import { groupCommitLimits } from '#adapters/postgres/group-commit/group-commit.ts'
import {
  StoreOverloadedError,
  StoreUnavailableError,
  UnstorableAppendError,
} from '#application/ports/events/event-store.ts'
import { range } from '../../../support/task-builders.ts'
import { causeOf, item, open } from '../support/open-group.ts'
import {
  appended,
  contentError,
  lostConnection,
  noConnection,
  serverError,
  streamsOf,
} from '../support/scripted-connection.ts'

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
    expect(await Promise.all(others)).toEqual(['b', 'c', 'd'].map((streamId) => appended(item(streamId))))
  })

  it('sends the appends of one turn together, and those that their verdicts lead to in the next', async () => {
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

  it('takes all that waits once it has a connection, however long that takes', async () => {
    const { append, next, connectWhen } = open()
    const connection = Promise.withResolvers<void>()
    connectWhen(() => connection.promise)
    const first = append('a')
    await new Promise(setImmediate)
    const second = append('b')
    connection.resolve()
    const flush = await next()
    expect(streamsOf(flush)).toEqual(['a', 'b'])
    flush.answer()
    await Promise.all([first, second])
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

  it('sends a long queue whole, and before it tells the verdicts of the flush that it waited for', async () => {
    const { append, next, inHand } = open()
    const inHandWhenTold: number[] = []
    const first = append('first').then(() => inHandWhenTold.push(inHand()))
    const flush = await next()
    const many = range(300).map((place) => append(`stream ${place}`))
    flush.answer()
    await first
    expect(inHandWhenTold).toEqual([1])
    const second = await next()
    expect(streamsOf(second)).toHaveLength(300)
    second.answer()
    await Promise.all(many)
  })

  it('lets a short queue wait for the appends that the verdicts lead to', async () => {
    const { append, next, inHand } = open()
    const inHandWhenTold: number[] = []
    const chain = append('first').then(() => {
      inHandWhenTold.push(inHand())
      return append('then')
    })
    const flush = await next()
    const few = range(20).map((place) => append(`stream ${place}`))
    flush.answer()
    const second = await next()
    expect(inHandWhenTold).toEqual([0])
    expect(streamsOf(second)).toHaveLength(21)
    second.answer()
    await Promise.all([chain, ...few])
  })

  it('has no more under way for a long queue', async () => {
    const { append, next, inHand } = open({ flushesInFlightMax: 2, appendsPerFlushMax: 100 })
    const many = range(1_000).map((place) => append(`stream ${place}`))
    const underWay = [await next(), await next()]
    for (let place = 0; place < 8; place += 1) {
      expect(inHand()).toBe(0)
      underWay[place]?.answer()
      underWay.push(await next())
    }
    for (const flush of underWay.slice(8)) flush.answer()
    await Promise.all(many)
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
      batches.push(flush.items.map(({ bytes }) => bytes))
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
    const items = [item('a'), item('b')]
    const others = Promise.all([append('a'), append('b')])
    flush.answer()
    await first
    const lost = await next()
    lost.fail(makeError())
    const again = await next()
    expect(again.items).toEqual(items)
    expect(again.items[0]).toBe(lost.items[0])
    again.answer()
    expect(await others).toEqual(items.map(appended))
  })

  it('leaves its fate unknown when the answer never comes', async () => {
    const { append, next } = open({ verdictDeadlineMs: 50 })
    const outcome = causeOf(append('a'))
    const flush = await next()
    expect(await outcome).toMatchObject({ code: 'store-unavailable', fate: 'unknown' })
    flush.answer()
  })

  it('was not stored when there never was a connection', async () => {
    const { append, connectWhen } = open({ verdictDeadlineMs: 50 })
    connectWhen(() => Promise.reject(noConnection()))
    expect(await causeOf(append('a'))).toMatchObject({ code: 'store-unavailable', fate: 'not-stored' })
  })

  it('does not travel when it was given up while the flush waited for a connection', async () => {
    const { append, next, connectWhen } = open({ verdictDeadlineMs: 50 })
    const connection = Promise.withResolvers<void>()
    connectWhen(() => connection.promise)
    expect(await causeOf(append('a'))).toBeInstanceOf(StoreOverloadedError)
    const later = append('b')
    connection.resolve()
    const flush = await next()
    expect(streamsOf(flush)).toEqual(['b'])
    flush.answer()
    await later
  })

  it('keeps its fate when its head is then found held, because its own twin may hold it', async () => {
    const { append, next, answerAll } = open({ verdictDeadlineMs: 60_000, busyDeadlineMs: 50 })
    const outcome = causeOf(append('a'))
    const lost = await next()
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
