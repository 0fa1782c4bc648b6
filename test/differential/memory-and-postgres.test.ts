import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectHeadsToEqualFolds } from '../support/heads.ts'
import { createMemoryWorld } from '../support/memory-world.ts'
import { openPostgresStore, type PostgresStoreWorld } from '../support/postgres-store.ts'
import { range } from '../support/task-builders.ts'
import { makeProgram } from './support/program.ts'
import { readEverything } from './support/read-everything.ts'
import { routeOfProgram, runProgram } from './support/run-program.ts'

/** More programs, and others, when the environment asks for them. */
const programs = Number(process.env['DIFFERENTIAL_PROGRAMS'] ?? 30)
const firstSeed = Number(process.env['DIFFERENTIAL_SEED'] ?? 1)
const stepsPerProgram = 60
/** They run side by side, so that their appends travel together. */
const programsAtOnce = 10

let postgres: PostgresStoreWorld
const memory = createMemoryWorld()
const epochMs = Date.now()
memory.time.setStoreClock(epochMs)

beforeAll(async () => {
  postgres = await openPostgresStore()
})
afterAll(async () => {
  await postgres.close()
})

/** Answers the types of the events that came of it. */
const compare = async (seed: number): Promise<readonly string[]> => {
  const program = makeProgram(seed, stepsPerProgram)
  const expected = await runProgram(memory, seed, epochMs, program)
  const found = await runProgram(postgres, seed, epochMs, program)
  const steps = (outcomes: readonly unknown[]) => outcomes.map((outcome, place) => [seed, program[place], outcome])
  expect(steps(found.outcomes)).toEqual(steps(expected.outcomes))
  const route = routeOfProgram(seed)
  expect(await readEverything(postgres, route, found)).toEqual(await readEverything(memory, route, expected))
  await expectHeadsToEqualFolds(postgres, found.taskIds)
  await expectHeadsToEqualFolds(memory, expected.taskIds)
  const histories = await Promise.all(found.taskIds.map((taskId) => postgres.store.loadStream(taskId)))
  return histories.flatMap(({ events }) => events.map((event) => event.type))
}

describe(`programs of several actors, from seed ${firstSeed} on`, () => {
  const typesSeen = new Set<string>()
  const batches = range(Math.ceil(programs / programsAtOnce)).map((place) => firstSeed + place * programsAtOnce)

  it.each(batches)('come to the same in memory and in Postgres: seeds from %i', async (from) => {
    const count = Math.min(programsAtOnce, firstSeed + programs - from)
    const courses = await Promise.all(range(count).map((place) => compare(from + place)))
    for (const type of courses.flat()) typesSeen.add(type)
  })

  it('left no type of event out', () => {
    expect(typesSeen.size).toBe(9)
  })
})
