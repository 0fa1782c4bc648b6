import { describe, expect, it } from 'vitest'
import type { Incarnation } from '#domain/identifiers.ts'
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
  let steps = 0
  let failovers = 0
  let crashes = 0

  it.each(range(seeds).map((index) => firstSeed + index))(
    'loses, repeats and garbles no task (seed %i)',
    async (seed) => {
      const { world, taskIds, names, clockSteps, promotions } = await runSimulation(seed)
      for (const taskId of taskIds) {
        const history = world.database.streams.get(taskId) ?? []
        expect(findBreaches(history), `the history of ${taskId}`).toEqual([])
        expect(history.filter(({ type }) => type === 'Succeeded').length).toBeLessThanOrEqual(1)
        expectOutcomesOfTheirOwnRuns(history, names)
        const task = await loadTask(world.store, taskId)
        expect(isEnded(task), `${taskId} is ${task.status} v${task.version}`).toBe(true)
        expect(fold(history)).toEqual(task)
      }
      await expectHeadsToEqualFolds(world, taskIds)
      crashes += taskIds.flatMap((taskId) => world.database.streams.get(taskId) ?? []).filter(isCrash).length
      steps += clockSteps
      failovers += promotions
      troubles += world.counts.total('incarnations-fenced') + world.counts.total('runs-lost')
    },
  )

  it('was in real trouble', () => {
    expect(troubles).toBeGreaterThan(0)
    expect(steps).toBeGreaterThan(0)
    expect(failovers).toBeGreaterThan(0)
    expect(crashes).toBeGreaterThan(0)
  })
})

/** Each result is of the process that the Started in force names: no other run was recorded over it. */
const expectOutcomesOfTheirOwnRuns = (
  history: readonly RecordedEvent[],
  names: ReadonlyMap<Incarnation, string>,
): void => {
  for (const event of history) {
    if (event.type !== 'Succeeded') continue
    const started = history[event.data.run - 1]
    const name = started?.type === 'Started' ? names.get(started.data.incarnation) : undefined
    expect(JSON.parse(event.data.result), `the process of run ${event.data.run} of ${event.taskId}`).toBe(name)
  }
}
