import { expect, it } from 'vitest'
import { formatNews, parseNews, toNews } from '#adapters/postgres/queue/news.ts'
import { range } from '../../../support/task-builders.ts'

it('names the routes of a push, each once, and its lowest rank', () => {
  const news = toNews([4, 3, 4].map((route, place) => ({ route, rank: place - 1 })))
  expect(news).toEqual({ routes: [4, 3], lowest: -1 })
  expect(parseNews(formatNews(news))).toEqual(news)
})

it('names no routes when they are too many for a notification', () => {
  const news = toNews(range(701).map((route) => ({ route: 1_000_000_000 + route, rank: 7 })))
  expect(formatNews(news).length).toBeLessThan(8_000)
  expect(parseNews(formatNews(news))).toEqual({ routes: 'all', lowest: 7 })
})

it.each([
  ['3,14', { routes: [3, 14], lowest: undefined }],
  ['', { routes: 'all', lowest: undefined }],
  ['3@x', { routes: 'all', lowest: undefined }],
])('reads %j, of another release, as far as it can', (text, news) => {
  expect(parseNews(text)).toEqual(news)
})
