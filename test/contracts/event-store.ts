import { describe } from 'vitest'
import { type Setup, useWorld } from '../support/contract-world.ts'
import { describeAppendAll } from './event-store/append-all.ts'
import { describeAppends } from './event-store/appends.ts'
import { describeContents } from './event-store/contents.ts'
import { describeKeys } from './event-store/keys.ts'
import { describeLoads } from './event-store/loads.ts'
import { describeLostRuns, describeRaces } from './event-store/races.ts'
import { describeUnstorable } from './event-store/unstorable.ts'
import type { EventStoreWorld } from './event-store/world.ts'

/** The contract of every EventStore. */
export const describeEventStore = (name: string, setup: Setup<EventStoreWorld>): void => {
  describe(`the event store (${name})`, () => {
    const world = useWorld(setup)
    describeAppends(world)
    describeRaces(world)
    describeLostRuns(world)
    describeAppendAll(world)
    describeKeys(world)
    describeContents(world)
    describeUnstorable(world)
    describeLoads(world)
  })
}
