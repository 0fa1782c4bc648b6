import { createClient, type FeedEvent, type TaskfoldClient } from 'taskfold'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { expectWholeHistory } from './support/audit.ts'
import { findFreePort } from './support/checkout.ts'
import { createFleet, type Fleet } from './support/fleet.ts'

let fleet: Fleet
beforeEach(async () => {
  fleet = await createFleet()
})
afterEach(() => fleet.close())

const tasksCount = 200
const inFlight = 8
const deadlineMs = 60_000

/** Submits tasks, some at a time; resolves with their ids. */
const submitAll = async (client: TaskfoldClient, onSubmitted: (count: number) => void): Promise<readonly string[]> => {
  const ids: string[] = []
  let next = 0
  const submitNext = async (): Promise<void> => {
    while (next < tasksCount) {
      next += 1
      ids.push((await client.submit('demo.echo', next, { deadlineMs })).id)
      onSubmitted(ids.length)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, submitNext))
  return ids
}

/** The events of the feed up to the end of the last of so many tasks. */
const followAll = async (client: TaskfoldClient): Promise<readonly FeedEvent[]> => {
  const events: FeedEvent[] = []
  let succeeded = 0
  for await (const event of client.followEvents({ deadlineMs })) {
    events.push(event)
    if (event.type === 'Succeeded') succeeded += 1
    if (succeeded === tasksCount) break
  }
  return events
}

test(
  'a client over the death of its server makes each task once and sees each event once',
  { timeout: 120_000 },
  async () => {
    const env = { PORT: String(await findFreePort()) }
    const first = await fleet.start([], env)
    const client = createClient({ url: first.url })
    const following = followAll(client)
    let second: Promise<unknown> | undefined
    const ids = await submitAll(client, (count) => {
      if (count < tasksCount / 4 || second !== undefined) return
      first.signal('SIGKILL')
      second = first.ended.then(() => fleet.start([], env))
    })
    await second

    expect(new Set(ids).size).toBe(tasksCount)
    for (const id of ids) expect(await client.waitForEnd(id)).toMatchObject({ status: 'SUCCESS' })
    const listed: string[] = []
    for await (const { id } of client.list({ type: 'demo.echo', pageSize: 30 })) listed.push(id)
    expect(listed.toSorted()).toEqual(ids.toSorted())

    const events = await following
    const versions = Map.groupBy(events, ({ taskId }) => taskId)
    expect([...versions.keys()].toSorted()).toEqual(ids.toSorted())
    for (const [, of] of versions)
      expect(of.map(({ version }) => version)).toEqual(of.map((_event, index) => index + 1))
    expect((await expectWholeHistory(fleet.database.url)).tasks).toBe(tasksCount)
  },
)
