import { afterAll, beforeAll } from 'vitest'

/** What every contract suite needs besides the ports it tests. */
export interface ContractWorld {
  /** Lets at least `ms` of the world's time go by: by hand in memory, by waiting where the clock is real. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

/** Makes the world of a suite, once, before its first test. */
export type Setup<World extends ContractWorld> = () => Promise<World>

/** Makes the world before the tests of the surrounding `describe` and closes it after them. */
export const useWorld = <World extends ContractWorld>(setup: Setup<World>): (() => World) => {
  let world: World | undefined
  beforeAll(async () => {
    world = await setup()
  })
  afterAll(async () => {
    await world?.close()
  })
  return () => {
    if (world === undefined) throw new Error('there is no world before the first test')
    return world
  }
}

const stepMs = 10
const stepsMax = 1_000

/** Lets time go by in steps until `read` finds what it looks for. Throws after ten seconds. */
export const waitFor = async <Found>(
  world: ContractWorld,
  read: () => Found | undefined | Promise<Found | undefined>,
): Promise<Found> => {
  for (let step = 0; step < stepsMax; step += 1) {
    const found = await read()
    if (found !== undefined) return found
    await world.advance(stepMs)
  }
  throw new Error(`the awaited condition did not hold within ${stepMs * stepsMax} ms`)
}

/** Lets time go by in steps until `holds` does. Throws after ten seconds. */
export const waitUntil = async (world: ContractWorld, holds: () => boolean | Promise<boolean>): Promise<void> => {
  await waitFor(world, async () => ((await holds()) ? 'yes' : undefined))
}
