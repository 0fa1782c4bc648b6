import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemTimers } from '#adapters/system/timers.ts'

// The platform's own clock is what is replaced here, nothing of ours.
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const fortyDaysMs = 40 * 86_400_000

describe('a wait', () => {
  it('is kept though it is longer than Node can wait at once', () => {
    const fired: string[] = []
    systemTimers.after(fortyDaysMs, () => fired.push('late'))
    vi.advanceTimersByTime(fortyDaysMs - 1)
    expect(fired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(fired).toEqual(['late'])
  })

  it('is over for good when it is cancelled, in whatever part of it', () => {
    const fired: string[] = []
    const cancel = systemTimers.after(fortyDaysMs, () => fired.push('late'))
    vi.advanceTimersByTime(fortyDaysMs - 1)
    cancel()
    vi.advanceTimersByTime(fortyDaysMs)
    expect(fired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a sleep', () => {
  it('ends early when its signal aborts, and leaves no timer behind', async () => {
    const controller = new AbortController()
    const slept = systemTimers.sleep(fortyDaysMs, controller.signal)
    controller.abort()
    await slept
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not begin when its signal is aborted already', async () => {
    await systemTimers.sleep(fortyDaysMs, AbortSignal.abort())
    expect(vi.getTimerCount()).toBe(0)
  })
})
