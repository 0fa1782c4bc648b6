import { describe, expect, it } from 'vitest'
import type { EventStore } from '#application/ports/events/event-store.ts'
import type { SubmitKey, SubmitKeys } from '#application/ports/events/submit-keys.ts'
import { noTask } from '#domain/task/state.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { makeAppend, makeKey, submit } from '../support/task-builders.ts'

interface SubmitKeysWorld extends ContractWorld {
  readonly store: EventStore
  readonly submitKeys: SubmitKeys
}

const hourMs = 3_600_000

/** The contract of every SubmitKeys. */
export const describeSubmitKeys = (name: string, setup: Setup<SubmitKeysWorld>): void => {
  describe(`the keys of submissions (${name})`, () => {
    const world = useWorld(setup)
    const now = async (): Promise<number> => (await world().store.loadStreams([])).now
    const take = async (key: SubmitKey): Promise<string> =>
      (await world().store.append(makeAppend(noTask, submit(), { key }))).kind

    it('are kept while they are young, and then forgotten, the oldest first, so many at a time', async () => {
      const { submitKeys } = world()
      const keys = [makeKey(), makeKey(), makeKey()]
      for (const key of keys) {
        expect(await take(key)).toBe('appended')
        await world().advance(5)
      }
      await world().advance(20)
      expect(await submitKeys.purge((await now()) - hourMs, 10)).toBe(0)
      expect(await submitKeys.purge((await now()) - 10, 2)).toBe(2)
      const kinds = [
        await take(keys[2] ?? makeKey()),
        await take(keys[0] ?? makeKey()),
        await take(keys[1] ?? makeKey()),
      ]
      expect(kinds).toEqual(['duplicate', 'appended', 'appended'])
      expect(await submitKeys.purge((await now()) - hourMs, 10)).toBe(0)
    })
  })
}
