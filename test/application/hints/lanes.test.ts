import { describe, expect, it } from 'vitest'
import { createManualTime } from '#adapters/memory/surroundings/manual-time.ts'
import { createLanes, lanesServedBy } from '#application/hints/lanes.ts'
import { range } from '../../support/task-builders.ts'

type Row = Parameters<typeof lanesServedBy>[0]['queues']

const setUp = () => {
  const time = createManualTime()
  let rows: Row[] = []
  let reads = 0
  const lanes = createLanes({
    readWorkers: async () => {
      reads += 1
      return rows.map((queues) => ({ queues, state: 'live' }))
    },
    clock: time.clock,
  })
  return {
    lanes,
    advance: (ms: number) => time.advance(ms),
    setRows: (...next: Row[]) => void (rows = next),
    reads: () => reads,
  }
}

describe('the lane of a route', () => {
  it('is shared by all queues of a type, however many there are', () => {
    const { lanes } = setUp()
    const found = new Set(range(3_000).map((place) => lanes.laneOf({ queue: `q${place}`, type: 'work' })))
    expect([...found]).toEqual([{ queue: '*', type: 'work' }])
  })

  it('is its own when a worker names its queue, so that this worker need not look at other queues', async () => {
    const { lanes, setRows } = setUp()
    setRows(['slow'], undefined)
    await lanes.refresh()
    expect(lanes.laneOf({ queue: 'slow', type: 'work' })).toEqual({ queue: 'slow', type: 'work' })
    expect(lanes.laneOf({ queue: 'fast', type: 'work' })).toEqual({ queue: '*', type: 'work' })
  })

  it('is read again after two seconds and no sooner', async () => {
    const { lanes, setRows, advance, reads } = setUp()
    await lanes.refresh()
    setRows(['slow'])
    await lanes.refresh()
    expect([lanes.isFresh(), reads(), lanes.namedQueues().size]).toEqual([true, 1, 0])
    await advance(2_001)
    expect(lanes.isFresh()).toBe(false)
    await lanes.refresh()
    expect([...lanes.namedQueues()]).toEqual(['slow'])
  })
})

describe('the lanes of a worker', () => {
  const types = ['a', 'b']

  it('are those of the queues that it names', () => {
    expect(lanesServedBy({ queues: ['x'], types }, new Set(['x', 'y']))).toEqual([
      { queue: 'x', type: 'a' },
      { queue: 'x', type: 'b' },
    ])
  })

  it('are the shared ones and those of all named queues when it names none', () => {
    const found = lanesServedBy({ queues: undefined, types }, new Set(['x']))
    expect(found.map(({ queue, type }) => `${queue} ${type}`)).toEqual(['* a', '* b', 'x a', 'x b'])
  })
})
