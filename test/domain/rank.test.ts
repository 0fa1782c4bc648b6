import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { compareRanked, priorityHeadStartMs, rankOf } from '#domain/rank.ts'
import { epoch } from './task/support/task-facts.ts'

describe('the rank of a task', () => {
  test('is the instant it is ready, less a minute for each point of priority', () => {
    expect(rankOf(epoch, 0)).toBe(epoch)
    expect(rankOf(epoch, 3)).toBe(epoch - 180_000)
    expect(rankOf(epoch, -3)).toBe(epoch + 180_000)
    expect(priorityHeadStartMs).toBe(60_000)
  })

  test('puts the older of two equally urgent tasks first', () => {
    expect(rankOf(epoch, 5)).toBeLessThan(rankOf(epoch + 1, 5))
  })

  test('puts the more urgent of two equally old tasks first', () => {
    expect(rankOf(epoch, 6)).toBeLessThan(rankOf(epoch, 5))
  })

  test('lets a task that waited long enough pass the most urgent one', () => {
    expect(rankOf(epoch, -100)).toBeLessThan(rankOf(epoch + 200 * 60_000 + 1, 100))
  })
})

describe('the order of a queue', () => {
  const anyRanked = fc.record({
    rank: fc.integer({ min: -2, max: 2 }),
    taskId: fc.constantFrom('a', 'b', 'c', 'd'),
  })

  test('goes by rank, whatever the ids', () => {
    expect(compareRanked({ rank: 1, taskId: 'b' }, { rank: 2, taskId: 'a' })).toBeLessThan(0)
    expect(compareRanked({ rank: 2, taskId: 'a' }, { rank: 1, taskId: 'b' })).toBeGreaterThan(0)
  })

  test('goes by id among equal ranks', () => {
    expect(compareRanked({ rank: 1, taskId: 'a' }, { rank: 1, taskId: 'b' })).toBeLessThan(0)
    expect(compareRanked({ rank: 1, taskId: 'b' }, { rank: 1, taskId: 'a' })).toBeGreaterThan(0)
    expect(compareRanked({ rank: 1, taskId: 'a' }, { rank: 1, taskId: 'a' })).toBe(0)
  })

  test.prop([anyRanked, anyRanked])('tells any two tasks apart, and says the opposite the other way round', (a, b) => {
    expect(Math.sign(compareRanked(a, b))).toBe(0 - Math.sign(compareRanked(b, a)))
    expect(compareRanked(a, b) === 0).toBe(a.rank === b.rank && a.taskId === b.taskId)
  })

  test.prop([anyRanked, anyRanked, anyRanked])('has no circle', (a, b, c) => {
    fc.pre(compareRanked(a, b) <= 0 && compareRanked(b, c) <= 0)

    expect(compareRanked(a, c)).toBeLessThanOrEqual(0)
  })
})
