import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { StoreOverloadedError } from '#application/ports/events/event-store.ts'
import { causeOf, open } from '../support/open-group.ts'
import { appended, serverError, streamsOf } from '../support/scripted-connection.ts'

describe('an append whose head another transaction holds', () => {
  it('is tried again while others pass it', async () => {
    const { append, answerAll } = open()
    const stored: string[] = []
    answerAll((flush) => {
      flush.answer((member) => {
        if (member.streamId === 'held' && !stored.includes('other')) return { kind: 'busy' }
        stored.push(member.streamId)
        return appended(member)
      })
    })
    const held = append('held')
    await append('other')
    expect(await held).toMatchObject({ streamId: 'held' })
    expect(stored).toEqual(['other', 'held'])
  })

  it('goes before those that came after it, because it has waited before', async () => {
    const { append, next } = open({ appendsPerFlushMax: 1 })
    const verdicts = [append('held')]
    const first = await next()
    verdicts.push(append('a'), append('b'))
    first.answer(() => ({ kind: 'busy' }))
    const second = await next()
    // Longer than its first rest: the timer of that rest is the earlier one.
    await sleep(20)
    second.answer()
    const third = await next()
    // On a busy machine the rest may be over before `a` is sent.
    expect(new Set([second, third].flatMap(streamsOf))).toEqual(new Set(['a', 'held']))
    third.answer()
    const last = await next()
    last.answer()
    expect(await Promise.all(verdicts)).toMatchObject(['held', 'a', 'b'].map((streamId) => ({ streamId })))
  })

  it('keeps none of its batch from being stored, though it is the first of it', async () => {
    const { append, next } = open()
    const verdicts = ['held', 'a', 'b'].map((streamId) => append(streamId))
    const batch = await next()
    batch.answer((member) => (member.streamId === 'held' ? { kind: 'busy' } : appended(member)))
    expect(await Promise.all(verdicts.slice(1))).toMatchObject([{ streamId: 'a' }, { streamId: 'b' }])
    const again = await next()
    expect(streamsOf(again)).toEqual(['held'])
    again.answer()
    expect(await verdicts[0]).toMatchObject({ streamId: 'held' })
  })

  it.each([
    ['and all that follow for a while', 60_000, 'skip-locked: c'],
    ['and those that it comes back in, and no other without that while', 0, 'optimistic: c'],
  ])('makes its batch be sent again with skip-locked, %s', async (_, skipLockedMs, last) => {
    const { append, answerAll } = open({ skipLockedMs })
    const sent: string[] = []
    answerAll((flush) => {
      sent.push(`${flush.locking}: ${streamsOf(flush).join(' ')}`)
      if (flush.locking === 'optimistic' && streamsOf(flush).includes('held')) flush.fail(serverError('55P03'))
      else
        flush.answer((member) => (member.streamId === 'held' && sent.length < 3 ? { kind: 'busy' } : appended(member)))
    })
    await Promise.all(['held', 'a', 'b'].map((streamId) => append(streamId)))
    await append('c')
    expect(sent).toEqual(['optimistic: held a b', 'skip-locked: held a b', 'skip-locked: held', last])
  })

  it('is refused as overloaded in the end', async () => {
    const { append, answerAll } = open({ busyDeadlineMs: 50 })
    let tries = 0
    answerAll((flush) => {
      tries += 1
      flush.answer((member) => (member.streamId === 'held' ? { kind: 'busy' } : appended(member)))
    })
    expect(await causeOf(append('held'))).toBeInstanceOf(StoreOverloadedError)
    expect(tries).toBeGreaterThan(1)
  })
})

describe('an optimistic batch that the server refuses for its content', () => {
  it('is sent again with skip-locked before an append is refused', async () => {
    const { append, answerAll } = open()
    const sent: string[] = []
    answerAll((flush) => {
      sent.push(`${flush.locking}: ${streamsOf(flush).join(' ')}`)
      if (flush.locking === 'optimistic') flush.fail(serverError('23505'))
      else flush.answer()
    })
    await Promise.all(['a', 'b'].map((streamId) => append(streamId)))
    expect(sent).toEqual(['optimistic: a b', 'skip-locked: a b'])
  })
})

describe('an append that may have been stored', () => {
  it('is sent again with skip-locked, and so are the others of its batch', async () => {
    const { append, answerAll } = open()
    const sent: string[] = []
    answerAll((flush) => {
      sent.push(`${flush.locking}: ${streamsOf(flush).join(' ')}`)
      if (sent.length === 1) flush.fail(serverError('57P01'))
      else flush.answer()
    })
    await Promise.all(['a', 'b'].map((streamId) => append(streamId)))
    await append('c')
    expect(sent).toEqual(['optimistic: a b', 'skip-locked: a b', 'optimistic: c'])
  })
})
