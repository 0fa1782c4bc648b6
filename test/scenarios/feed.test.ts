import { afterEach, describe, expect, it } from 'vitest'
import { type EventSource, followFeed, type StreamMessage } from '../adapters/http/support/event-source.ts'
import { expectWholeHistory } from './support/audit.ts'
import { createFleet, type Fleet } from './support/fleet.ts'
import { submitMany, until } from './support/http.ts'

/** Ten thousand in a campaign; a small dose otherwise. */
const taskCount = Number(process.env['SCENARIO_TASKS'] ?? 1_000)

let fleet: Fleet
let source: EventSource | undefined
afterEach(async () => {
  source?.close()
  await fleet.close()
})

/**
 * Follows the feed until it has seen `taskCount` tasks succeed, and goes over to the next address, with the cursor of the
 * last message, each time it has seen another third of them.
 */
const followWithReconnects = async (urls: readonly string[]): Promise<readonly StreamMessage[]> => {
  const seen: StreamMessage[] = []
  let succeeded = 0
  for (const [turn, url] of urls.entries()) {
    const enough = Math.ceil((taskCount * (turn + 1)) / urls.length)
    const full = Promise.withResolvers<void>()
    source = await followFeed(url, {
      lastEventId: seen.at(-1)?.id,
      onMessage: (message) => {
        // What arrives after the decision to go is lost with the connection.
        if (succeeded === enough) return
        seen.push(message)
        if (message.data.type === 'Succeeded') succeeded += 1
        if (succeeded === enough) full.resolve()
      },
    })
    await Promise.race([full.promise, source.ended])
    expect(succeeded).toBe(enough)
    source.close()
  }
  return seen
}

describe('the feed over two reconnects while two processes take tasks', () => {
  it('gives each event once, the versions of each task in order', { timeout: 240_000 }, async () => {
    fleet = await createFleet({})
    const apis = await Promise.all([fleet.start(['api']), fleet.start(['api'])])
    await fleet.start(['worker'])
    const [one, other] = apis.map(({ url }) => url)
    if (one === undefined || other === undefined) throw new Error('both processes must run')

    const half = taskCount / 2
    const following = followWithReconnects([one, other, one])
    const toSubmission = (index: number) => ({ type: 'demo.echo', payload: index })
    const [seen] = await Promise.all([
      following,
      submitMany(one, half, toSubmission, 16),
      submitMany(other, taskCount - half, toSubmission, 16),
    ])

    const lastVersions = new Map<string, number>()
    for (const { data } of seen) {
      expect(data.version, data.taskId).toBe((lastVersions.get(data.taskId) ?? 0) + 1)
      lastVersions.set(data.taskId, data.version)
    }
    expect(lastVersions.size).toBe(taskCount)
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)

    // One page after another gives the very same order, once nothing is under way.
    const pages = await until('the whole feed', () => readFeed(one, seen.length))
    expect(pages).toEqual(seen.map(({ id }) => id))
    expect((await expectWholeHistory(fleet.database.url)).events).toBe(seen.length)
  })
})

const readFeed = async (url: string, eventCount: number): Promise<readonly string[] | undefined> => {
  const cursors: string[] = []
  for (let after = ''; cursors.length < eventCount;) {
    const answer = await fetch(`${url}/api/events?limit=1000${after}`)
    const page: { readonly items: readonly { readonly cursor: string }[]; readonly nextCursor: string } = JSON.parse(
      await answer.text(),
    )
    if (page.items.length === 0) return undefined
    for (const { cursor } of page.items) cursors.push(cursor)
    after = `&after=${page.nextCursor}`
  }
  return cursors
}
