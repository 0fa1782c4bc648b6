import { describe, expect, it } from 'vitest'
import { routeKey } from '#domain/route.ts'
import { appendCommand, makeRoute, makeSubmission, range, submitMany, submitTo } from '../../support/task-builders.ts'
import type { RunnableIndexWorld } from '../runnable-index.ts'

const anHourMs = 3_600_000

const readAllRoutes = async ({ runnable }: RunnableIndexWorld, limit: number): Promise<readonly string[]> => {
  const keys: string[] = []
  let position: number | undefined
  for (let page = 0; page === 0 || position !== undefined; page += 1) {
    const { routes, next } = await runnable.readRoutes(position, limit)
    expect(routes.length).toBeLessThanOrEqual(limit)
    keys.push(...routes.map(routeKey))
    position = next
  }
  return keys
}

export const describeRoutesWithWork = (world: () => RunnableIndexWorld): void => {
  describe('the routes with pending heads', () => {
    it('are those with work, due or not, and none that was only named or has run dry', async () => {
      const [due, later, named, dry] = [makeRoute(), makeRoute(), makeRoute(), makeRoute()]
      await world().routes.learn([named])
      await submitMany(world(), 3, makeSubmission(due))
      await submitTo(world(), makeSubmission(later), { delayMs: anHourMs })
      const done = await submitTo(world(), makeSubmission(dry))
      await appendCommand(world().store, done, { type: 'Cancel' })
      const found = await readAllRoutes(world(), 1_000)
      const own = [due, later, named, dry].map(routeKey)
      expect(found.filter((key) => own.includes(key)).toSorted()).toEqual([due, later].map(routeKey).toSorted())
    })

    it('come page by page, each once', async () => {
      const own = range(7).map(makeRoute)
      for (const route of own) await submitTo(world(), makeSubmission(route))
      for (const limit of [1, 3, 1_000]) {
        const found = await readAllRoutes(world(), limit)
        expect(new Set(found).size).toBe(found.length)
        expect(found).toEqual(expect.arrayContaining(own.map(routeKey)))
      }
    })
  })
}
