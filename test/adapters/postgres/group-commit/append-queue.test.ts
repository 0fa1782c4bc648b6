import { describe, expect, it } from 'vitest'
import { StoreOverloadedError } from '#application/ports/events/event-store.ts'
import { causeOf, open } from '../support/open-group.ts'

describe('a full append queue', () => {
  it('refuses one more by count', async () => {
    const { append, next, answerAll } = open({ appendsWaitingMax: 2 })
    const accepted = [append('a')]
    const flush = await next()
    accepted.push(append('b'), append('c'))
    expect(await causeOf(append('d'))).toBeInstanceOf(StoreOverloadedError)
    answerAll((pending) => {
      pending.answer()
    })
    flush.answer()
    expect(await Promise.all(accepted)).toHaveLength(3)
    expect(await append('d')).toMatchObject({ streamId: 'd' })
  })

  it('refuses one more by bytes', async () => {
    const { append, next, answerAll } = open({ bytesWaitingMax: 100 })
    const accepted = [append('a')]
    const flush = await next()
    accepted.push(append('b', 60))
    expect(await causeOf(append('c', 60))).toBeInstanceOf(StoreOverloadedError)
    accepted.push(append('d', 40))
    answerAll((pending) => {
      pending.answer()
    })
    flush.answer()
    expect(await Promise.all(accepted)).toHaveLength(3)
  })

  it('has room again for appends that were given up in it', async () => {
    const { append, next, answerAll } = open({ bytesWaitingMax: 100, verdictDeadlineMs: 50 })
    const stuck = causeOf(append('a'))
    const flush = await next()
    const late = causeOf(append('b', 100))
    await Promise.all([stuck, late])
    const accepted = append('c', 100)
    answerAll((pending) => {
      pending.answer()
    })
    flush.answer()
    expect(await accepted).toMatchObject({ streamId: 'c' })
  })
})
