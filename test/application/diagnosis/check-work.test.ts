import { describe, expect, it } from 'vitest'
import { checkWorkers } from '#application/diagnosis/check-work.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { mintIncarnation } from '../../support/ids.ts'

const leaseMs = 15_000

const register = (world: ReturnType<typeof createMemoryWorld>) =>
  world.registry.register({
    incarnation: mintIncarnation(),
    host: 'a-host',
    pid: 1,
    queues: undefined,
    types: [],
    concurrency: 1,
    leaseMs,
    beatMs: 3_000,
  })

const severitiesOf = async (world: ReturnType<typeof createMemoryWorld>) =>
  Object.fromEntries((await checkWorkers(world.registry)).map(({ code, severity }) => [code, severity]))

/** A worker of which nothing was heard for ten leases. */
const leaveSilent = async (world: ReturnType<typeof createMemoryWorld>): Promise<void> => {
  const now = world.database.now()
  world.database.workers.set(silent.incarnation, { ...silent, startedAt: now, lastBeatAt: now })
  await world.advance(10 * leaseMs)
}

const silent = {
  incarnation: mintIncarnation(),
  host: 'another-host',
  pid: 2,
  queues: undefined,
  types: [],
  concurrency: 1,
  leaseMs,
  beat: 1,
  running: 0,
  state: 'live',
} as const

describe('a worker that was silent for long', () => {
  it('is no trouble while a worker that has just begun is watching it', async () => {
    const world = createMemoryWorld()
    await leaveSilent(world)
    await register(world)
    expect(await severitiesOf(world)).toEqual({ workers: 'ok', 'workers-silent': 'warning' })
  })

  it('is trouble when those that are alive have had time to declare it lost', async () => {
    const world = createMemoryWorld()
    await leaveSilent(world)
    await register(world)
    await world.advance(4 * leaseMs)
    expect(await severitiesOf(world)).toEqual({ workers: 'ok', 'workers-silent': 'trouble' })
  })
})
