import { describe, expect, it } from 'vitest'
import { createProgressWriter } from '#application/runs/progress-writer.ts'
import { mintTaskId } from '../../support/ids.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { range } from '../../support/task-builders.ts'

describe('progress that waits to be written', () => {
  it('is of ten thousand tasks at most, and the latest of each', async () => {
    const world = createMemoryWorld()
    const written: string[] = []
    let isAway = true
    const writer = createProgressWriter({
      board: {
        ...world.progress,
        write: async (reports) => {
          if (isAway) throw new Error('away')
          written.push(...reports.map(({ value }) => value))
        },
      },
      timers: world.timers,
      random: () => 0.5,
      logger: silentLogger,
    })
    const taskIds = range(10_001).map(mintTaskId)
    for (const value of ['"early"', '"late"']) for (const taskId of taskIds) writer.report({ taskId, run: 2, value })
    await world.advance(1_000)
    isAway = false
    await world.advance(60_000)
    expect(written).toHaveLength(10_000)
    expect(new Set(written)).toEqual(new Set(['"late"']))
    await writer.close()
  })
})
