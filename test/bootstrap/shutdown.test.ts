import { EventEmitter } from 'node:events'
import { expect, describe, it } from 'vitest'
import { watchForShutdown } from '#bootstrap/shutdown.ts'

const setUp = (hangup: 'ends' | 'ignored' = 'ends') => {
  const source = new EventEmitter()
  const ends: string[] = []
  let nowMs = 1_000
  const watch = watchForShutdown({
    source,
    hangup,
    monotonicMs: () => nowMs,
    endNow: ({ signal }) => {
      ends.push(signal)
    },
  })
  const later = (ms: number): void => {
    nowMs += ms
  }
  return { source, ends, watch, later }
}

describe('a process that is asked to end', () => {
  it('drains at the first signal', async () => {
    const { source, ends, watch } = setUp()
    source.emit('SIGTERM')
    expect(await watch.requested).toEqual({ signal: 'SIGTERM' })
    expect(ends).toEqual([])
  })

  it('drains when its terminal is closed', async () => {
    const { source, ends, watch } = setUp()
    source.emit('SIGHUP')
    expect(await watch.requested).toEqual({ signal: 'SIGHUP' })
    expect(ends).toEqual([])
  })

  it('goes on when its terminal is closed under nohup', async () => {
    const { source, ends, watch, later } = setUp('ignored')
    source.emit('SIGHUP')
    later(2_000)
    source.emit('SIGHUP')
    source.emit('SIGTERM')
    expect(await watch.requested).toEqual({ signal: 'SIGTERM' })
    expect(ends).toEqual([])
  })

  it('takes two signals of the same moment for one', () => {
    const { source, ends, later } = setUp()
    source.emit('SIGINT')
    later(20)
    source.emit('SIGINT')
    later(20)
    source.emit('SIGTERM')
    expect(ends).toEqual([])
  })

  it('ends at once at a second signal that comes later', () => {
    const { source, ends, later } = setUp()
    source.emit('SIGINT')
    later(2_000)
    source.emit('SIGTERM')
    expect(ends).toEqual(['SIGTERM'])
  })

  it('stops listening when it is closed', () => {
    const { source, watch } = setUp()
    watch.close()
    expect(source.eventNames()).toEqual([])
  })
})
