import { expect, it } from 'vitest'
import { formatNotification, parseNotification, toNotificationContent } from '#adapters/postgres/queue/bounded-push.ts'
import { range } from '../../../support/task-builders.ts'

it('names the routes of a push, each once, and its lowest rank', () => {
  const content = toNotificationContent([4, 3, 4].map((route, place) => ({ route, rank: place - 1 })))
  expect(content).toEqual({ routes: [4, 3], lowestRank: -1 })
  expect(parseNotification(formatNotification(content))).toEqual(content)
})

it('names no routes when they are too many for a notification', () => {
  const content = toNotificationContent(range(701).map((route) => ({ route: 1_000_000_000 + route, rank: 7 })))
  expect(formatNotification(content).length).toBeLessThan(8_000)
  expect(parseNotification(formatNotification(content))).toEqual({ routes: 'all', lowestRank: 7 })
})

it.each(['', '3,14', '3@x', 'x@3', '@'])('takes %j, which no push wrote, for a push of unknown hints', (text) => {
  expect(parseNotification(text)).toEqual({ routes: 'all', lowestRank: Number.NEGATIVE_INFINITY })
})
