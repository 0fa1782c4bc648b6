import { expect, it } from 'vitest'
import { submitMany } from '#application/commands/submit-many.ts'
import { createReadyAnnouncer } from '#application/hints/announcer.ts'
import type { EventStore } from '#application/ports/events/event-store.ts'
import { createMemoryWorld } from '../../support/memory-world.ts'
import { makeKey } from '../../support/task-builders.ts'

it('of equal keys in many requests the later wait for the verdict on the first, and others for nobody', async () => {
  const world = createMemoryWorld()
  const first = Promise.withResolvers<void>()
  const sent: (string | undefined)[] = []
  const store: EventStore = {
    ...world.store,
    append: async (append) => {
      sent.push(append.key?.key)
      if (sent.length === 1) await first.promise
      return world.store.append(append)
    },
  }
  const announcer = createReadyAnnouncer({ ...world, horizonMs: 1_000 })
  const deps = { ...world, store, announcer, defaultsOf: () => ({}) }
  const [key, other] = [makeKey('one'), makeKey('another')]
  const request = { type: 'work', payload: 'null' }
  const requests = [{ ...request, key }, { ...request, key }, { ...request, key: other }, request]
  const settled = submitMany(deps, requests, {})
  await world.advance(0)
  expect(sent).toEqual([key.key, other.key, undefined])
  first.resolve()
  const outcomes = await settled
  expect(sent).toEqual([key.key, other.key, undefined, key.key])
  const kinds = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.kind : outcome.reason))
  expect(kinds).toEqual(['submitted', 'replayed', 'submitted', 'submitted'])
})
