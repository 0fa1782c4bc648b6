import { describe, expect, it } from 'vitest'
import { checkEffects, checkWorkers } from '#application/diagnosis/check-work.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { mintIncarnation } from '../../support/ids.ts'
import { claimEffect, fail, start } from '../../support/run-commands.ts'
import { appendCommand, submitTo } from '../../support/task-builders.ts'

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

describe('an effect in doubt', () => {
  it('is found with the tasks that it belongs to, and not while its run is at it', async () => {
    const world = createMemoryWorld()
    const taskIds: string[] = []
    for (let count = 0; count < 7; count += 1) {
      const running = await submitTo(world).then((task) => appendCommand(world.store, task, start(task)))
      await world.ledger.claim(claimEffect(running, { mode: 'once', unfinished: 'doubt' }))
      expect(await checkEffects(world.ledger)).toMatchObject([{ severity: count === 0 ? 'ok' : 'warning' }])
      await appendCommand(world.store, running, fail(running))
      taskIds.unshift(running.taskId)
    }
    expect(await checkEffects(world.ledger)).toMatchObject([
      {
        code: 'effects-in-doubt',
        severity: 'warning',
        what: expect.stringContaining(`: 7, such as ${taskIds.slice(0, 5).join(', ')}`),
      },
    ])
  })
})
