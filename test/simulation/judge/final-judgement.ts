import { createMemoryEventFeed } from '#adapters/memory/events/event-feed.ts'
import type { FeedCursor } from '#application/ports/events/event-feed.ts'
import { isSameHead } from '#application/recovery/head-repair.ts'
import { fold } from '#domain/task/evolve.ts'
import { toHead } from '#domain/task/head.ts'
import type { TaskId } from '#domain/identifiers.ts'
import type { Clients } from '../course/clients.ts'
import type { Course } from '../course/course.ts'
import { placeOf, short } from './judge.ts'

/** What must hold when everything has come to rest. */
export const judgeTheEnd = async (course: Course, clients: Clients): Promise<void> => {
  const { world, database, judge } = course
  const { database: stored } = database.held
  for (const taskId of judge.open()) {
    const last = stored.streams.get(taskId)?.at(-1)
    world.breach(`${taskId} has not ended: ${last?.type} v${last?.version} is the last of its history`)
  }
  for (const [taskId, stream] of stored.streams) {
    const task = fold(stream)
    if (task.status === 'NONE' || !isSameHead(stored.heads.find(taskId), toHead(task))) {
      world.breach(`the head of ${taskId} is unlike its history`)
    }
  }
  for (const head of stored.heads.newestFirst()) {
    if (!stored.streams.has(head.taskId)) world.breach(`${head.taskId} has a head and no history`)
  }
  for (const taskId of clients.acknowledged()) {
    if (!stored.streams.has(taskId) && !judge.isLost(taskId)) world.breach(`${taskId} was acknowledged and is gone`)
  }
  judgeEffects(course)
  judgeKeys((what) => world.breach(what), stored.streams)
  await judgeFeed((what) => world.breach(what), stored)
}

/** What may happen once did, and what the ledger says has happened did. */
const judgeEffects = ({ world, database, judge, outside }: Course): void => {
  for (const [taskId, effects] of database.held.database.effects) {
    if (judge.isLost(taskId)) continue
    for (const { name, mode, state } of effects.values()) {
      const count = outside.performed(placeOf(taskId, name))
      if (mode === 'idempotent') continue
      if (count > 1) world.breach(`${name} of ${taskId} was done ${count} times`)
      if (state === 'completed' && count === 0) world.breach(`${name} of ${taskId} is completed and was never done`)
      if (state === 'not-done' && count > 0) world.breach(`${name} of ${taskId} counts as not done, and was`)
    }
  }
}

type Breach = (what: string) => void
type Stored = Course['database']['held']['database']

/** Requests of one key make one task; the payload names the request. */
const judgeKeys = (breach: Breach, streams: Stored['streams']): void => {
  const made = new Map<string, TaskId>()
  for (const [taskId, [first]] of streams) {
    const payload = first?.type === 'Submitted' ? first.data.payload : ''
    const other = made.get(payload)
    if (other !== undefined) breach(`${short(taskId)} and ${short(other)} were made by one request`)
    made.set(payload, taskId)
  }
}

const eventsPerPage = 7
const pagesMax = 10_000

/** The feed has every event once, those of one task in order. */
const judgeFeed = async (breach: Breach, stored: Stored): Promise<void> => {
  const feed = createMemoryEventFeed(stored)
  const seen = new Map<TaskId, number>()
  let cursor: FeedCursor | undefined
  for (let page = 0; page < pagesMax; page += 1) {
    const reading = await feed.readAfter(cursor, eventsPerPage)
    if (reading.kind === 'unknown-cursor') return breach('the feed does not know a cursor of its own')
    for (const { event } of reading.events) {
      const before = seen.get(event.taskId) ?? 0
      if (event.version !== before + 1) breach(`the feed shows v${event.version} of ${event.taskId} after v${before}`)
      seen.set(event.taskId, event.version)
    }
    if (reading.events.length === 0) break
    cursor = reading.next
  }
  for (const [taskId, stream] of stored.streams) {
    if (seen.get(taskId) !== stream.length)
      breach(`the feed shows ${seen.get(taskId)} of ${stream.length} events of ${taskId}`)
  }
}
