import { describe, expect, it } from 'vitest'
import type { RecordedEvent } from '#domain/task/events.ts'
import { fold } from '#domain/task/evolve.ts'
import { isEnded } from '#domain/task/state.ts'
import { findBreaches } from '../domain/task/support/legality.ts'
import { expectHeadsToEqualFolds } from '../support/heads.ts'
import { loadTask, range } from '../support/task-builders.ts'
import { runSimulation } from './simulated-fleet.ts'

/** `SIMULATION_SEEDS` runs more courses, and `SIMULATION_FIRST_SEED` others: one that failed can be had again. */
const seeds = Number(process.env['SIMULATION_SEEDS'] ?? 15)
const firstSeed = Number(process.env['SIMULATION_FIRST_SEED'] ?? 1)

const isCrash = (event: RecordedEvent): boolean => event.type === 'Failed' && event.data.cause === 'crash'

describe('a fleet in which everything goes wrong', () => {
  let troubles = 0
  let crashes = 0

  it.each(range(seeds).map((index) => firstSeed + index))(
    'loses, repeats and garbles no task (seed %i)',
    async (seed) => {
      const { world, taskIds } = await runSimulation(seed)
      for (const taskId of taskIds) {
        const history = world.database.streams.get(taskId) ?? []
        expect(findBreaches(history), `the history of ${taskId}`).toEqual([])
        expect(history.filter(({ type }) => type === 'Succeeded').length).toBeLessThanOrEqual(1)
        const task = await loadTask(world.store, taskId)
        expect(isEnded(task), `${taskId} is ${task.status} v${task.version}`).toBe(true)
        expect(fold(history)).toEqual(task)
      }
      await expectHeadsToEqualFolds(world, taskIds)
      crashes += taskIds.flatMap((taskId) => world.database.streams.get(taskId) ?? []).filter(isCrash).length
      troubles += world.counts.total('incarnations-fenced') + world.counts.total('runs-lost')
    },
  )

  it('was in real trouble', () => {
    expect(troubles).toBeGreaterThan(0)
    expect(crashes).toBeGreaterThan(0)
  })
})
