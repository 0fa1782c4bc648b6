import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createMemoryTaskQueue } from '#adapters/memory/queue/task-queue.ts'
import { createManualTime } from '#adapters/memory/surroundings/manual-time.ts'
import type { Route } from '#domain/route.ts'
import type { Hint, TaskQueue } from '#application/ports/queue/task-queue.ts'
import type { TaskId } from '#domain/identifiers.ts'
import { createFleet } from '../adapters/postgres/support/fleet.ts'
import { mintTaskId } from '../support/ids.ts'
import { createRedisWorld } from '../support/redis-worlds.ts'
import { makeRoute, range } from '../support/task-builders.ts'
import { makeQueueProgram, type QueueStep, routesOfProgram, type Through } from './support/queue-program.ts'

/** The environment may ask for more programs, and for other seeds. */
const programs = Number(process.env['DIFFERENTIAL_PROGRAMS'] ?? 20)
const firstSeed = Number(process.env['DIFFERENTIAL_SEED'] ?? 1)
const stepsPerProgram = 60
const queueIdsMax = 200

/** One set of hints, used by two processes of a fleet. */
type Queues = Readonly<Record<Through, TaskQueue>>

const worlds: {
  readonly name: string
  readonly queues: Queues
  readonly bound: 'exact' | 'about'
  readonly close: () => Promise<void>
}[] = []

beforeAll(async () => {
  const fleet = await createFleet()
  const [here, there] = [await fleet.startProcess(), await fleet.startProcess()]
  // Each pull reads from the lowest rank: other tests cover what a process passes over until a notification arrives.
  const options = { queueIdsMax, readAllEveryMs: 0 }
  const queues = { here: here.createQueue(options), there: there.createQueue(options) }
  worlds.push({ name: 'Postgres', queues, bound: 'about', close: () => fleet.close() })
  const url = inject('redisUrl')
  if (url === null) return
  const redis = await createRedisWorld(url)
  worlds.push({
    name: 'Redis',
    queues: { here: redis.queue, there: redis.queueElsewhere },
    bound: 'exact',
    close: () => redis.close(),
  })
})
afterAll(async () => {
  await Promise.all(worlds.map(({ close }) => close()))
})

interface Names {
  readonly routes: readonly Route[]
  readonly taskIds: readonly TaskId[]
}

const { signal } = new AbortController()

/** The answer of a step: ids in order for a pull, a number for a size, nothing for a push. */
type Outcome = readonly TaskId[] | number | undefined

const run = async (
  queues: Queues,
  program: readonly QueueStep[],
  { routes, taskIds }: Names,
): Promise<readonly Outcome[]> => {
  const routeOf = (place: number): Route => routes[place] ?? makeRoute()
  const outcomes: Outcome[] = []
  for (const step of program) {
    if (step.kind === 'push') {
      const hints = step.hints.map(({ id, route, rank }): Hint => ({
        taskId: taskIds[id] ?? mintTaskId(),
        route: routeOf(route),
        rank,
      }))
      outcomes.push(await queues[step.through].push(hints).then(() => undefined))
    } else if (step.kind === 'pull') {
      const request = { routes: step.routes.map(routeOf), max: step.max, waitMs: 0, signal }
      outcomes.push((await queues[step.through].pull(request)).taskIds)
    } else {
      outcomes.push(await queues.here.size(routeOf(step.route)))
    }
  }
  return outcomes
}

const emptied: readonly QueueStep[] = range(8).map(() => ({
  kind: 'pull',
  through: 'here',
  routes: range(routesOfProgram),
  max: 400,
}))

const pushedMax = (program: readonly QueueStep[]): number =>
  program.reduce((sum, step) => sum + (step.kind === 'push' ? step.hints.length : 0), 0)

const runInMemory = (max: number, program: readonly QueueStep[], names: Names) => {
  const memory = createMemoryTaskQueue({ timers: createManualTime().timers, queueIdsMax: max })
  return run({ here: memory, there: memory }, program, names)
}

const outcomesOf = (outcomes: readonly Outcome[] | undefined): readonly Outcome[] => outcomes ?? []

/** A size may be an estimate. */
const withoutSize = (outcome: Outcome): unknown => (typeof outcome === 'number' ? 'a size' : outcome)

const expectSizes = (found: readonly Outcome[], expected: readonly Outcome[]): void => {
  for (const [step, size] of expected.entries()) {
    if (typeof size === 'number') expect(Math.abs(Number(found[step]) - size)).toBeLessThanOrEqual(size / 2 + 10)
  }
}

/** Every id once, and at least the ids that a queue with an exact bound gives. */
const expectNoLess = (found: readonly Outcome[], expected: readonly Outcome[]): void => {
  const idsOf = (outcomes: readonly Outcome[]) => outcomes.flatMap((outcome) => (Array.isArray(outcome) ? outcome : []))
  const ids = idsOf(found)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toEqual(expect.arrayContaining(idsOf(expected)))
}

const kindsSeen = new Set<string>()

describe(`programs of pushes and pulls over several routes, from seed ${firstSeed} on`, () => {
  it.each(range(programs).map((place) => firstSeed + place))(
    'come to the same in every queue: seed %i',
    async (seed) => {
      const program = [...makeQueueProgram(seed, stepsPerProgram), ...emptied]
      const queue = range(2).map(() => makeRoute().queue)
      const names = {
        // Routes share two queues, so that in Redis several sets are named by one command.
        routes: range(routesOfProgram).map((place) => ({ ...makeRoute(), queue: queue[place % 2] ?? '' })),
        taskIds: range(pushedMax(program)).map(() => mintTaskId()),
      }
      const [expected, unbounded] = await Promise.all(
        [queueIdsMax, 100_000].map((max) => runInMemory(max, program, names)),
      )
      const dropped = outcomesOf(unbounded).some(
        (outcome, step) => !isDeepStrictEqual(outcome, outcomesOf(expected)[step]),
      )
      kindsSeen.add(dropped ? 'dropped some' : 'dropped none')
      for (const { name, queues, bound } of worlds) {
        const found = await run(queues, program, names)
        // Once one queue holds ids that another one dropped, they give different ids at the same step.
        if (dropped && bound === 'about') expectNoLess(found, outcomesOf(expected))
        else expect([name, found.map(withoutSize)]).toEqual([name, outcomesOf(expected).map(withoutSize)])
        if (!dropped) expectSizes(found, outcomesOf(expected))
      }
    },
  )

  it('were of two kinds: some fill a route beyond its bound, and some do not', () => {
    expect(kindsSeen.size).toBe(2)
    expect(worlds.length).toBe(inject('redisUrl') === null ? 1 : 2)
  })
})
