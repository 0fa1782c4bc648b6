import { describe, expect, it } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { type EventStore, StoreUnavailableError } from '#application/ports/events/event-store.ts'
import { loadInParts } from '#application/runs/load-in-parts.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { mintTaskId } from '../../support/ids.ts'
import { range } from '../../support/task-builders.ts'

/** A store of equal streams, by how many of them it can answer in time; none of those in `never`. */
const createSlowStore = (inTime: number, never: readonly TaskId[] = []) => {
  const asked: number[] = []
  const store: Pick<EventStore, 'loadStreams'> = {
    loadStreams: (taskIds) => {
      asked.push(taskIds.length)
      const isSlow = taskIds.length > inTime || taskIds.some((taskId) => never.includes(taskId))
      return isSlow && taskIds.length > 0
        ? Promise.reject(new StoreUnavailableError('no answer in time', 'not-stored'))
        : Promise.resolve({ now: 0, streams: new Map(), leftOut: [] })
    },
  }
  return { store, asked }
}

const loadAllParts = async (store: Pick<EventStore, 'loadStreams'>, taskIds: readonly TaskId[]) => {
  const logger = createMemoryLogger()
  const taken: TaskId[] = []
  await loadInParts({ load: (ids) => store.loadStreams(ids), logger }, taskIds, (_, part) => void taken.push(...part))
  return { taken, warned: logger.lines.filter(({ level }) => level === 'warn') }
}

describe('a load that never meets its deadline', () => {
  it('is split until it does, and all streams come', async () => {
    const taskIds = range(500).map(mintTaskId)
    const { store, asked } = createSlowStore(40)
    const { taken, warned } = await loadAllParts(store, taskIds)
    expect(taken).toEqual(taskIds)
    expect(warned).toEqual([])
    expect(asked.length).toBeLessThan(60)
  })

  it('because of one stream leaves that one out with a warning, and the rest goes on', async () => {
    const taskIds = range(64).map(mintTaskId)
    const [, , slow = mintTaskId()] = taskIds
    const { store } = createSlowStore(100, [slow])
    const { taken, warned } = await loadAllParts(store, taskIds)
    expect(taken).toEqual(taskIds.filter((taskId) => taskId !== slow))
    expect(warned).toMatchObject([{ fields: { taskId: slow } }])
  })

  it('because the store is away is not split', async () => {
    const away = { loadStreams: () => Promise.reject(new StoreUnavailableError('away', 'not-stored')) }
    await expect(loadAllParts(away, range(100).map(mintTaskId))).rejects.toThrow('away')
  })
})

it('asks again for the streams that there was no room for', async () => {
  const taskIds = range(10).map(mintTaskId)
  const store: Pick<EventStore, 'loadStreams'> = {
    loadStreams: async (asked) => ({ now: 0, streams: new Map(), leftOut: asked.slice(3) }),
  }
  expect((await loadAllParts(store, taskIds)).taken.toSorted()).toEqual(taskIds.toSorted())
})
