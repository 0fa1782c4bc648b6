import { describe, expect, it } from 'vitest'
import { createMemoryLogger } from '#adapters/memory/surroundings/logger.ts'
import { systemTimers } from '#adapters/system/timers.ts'
import { createProcessIsolation } from '#adapters/worker/isolation/process-isolation.ts'
import { abortGraceMs } from '#adapters/worker/run/active-run.ts'
import type { Timers } from '#application/ports/surroundings/clock.ts'
import { createIsolationInProcess } from '../support/isolation-in-process.ts'
import { toHandlers } from './isolation/tiny-tasks.ts'
import { createAttempt, describeIsolation } from './isolation.ts'

const leaseMs = 15_000

const places = 3

const open = ({ timers = systemTimers, entry = 'tiny-child.ts' }: { timers?: Timers; entry?: string } = {}) => {
  const logger = createMemoryLogger()
  const isolation = createProcessIsolation({
    processesMax: places,
    entry: new URL(`isolation/${entry}`, import.meta.url),
    settings: undefined,
    timers,
    logger,
    leaseMs,
    execArgv: [],
  })
  return { isolation, places, logger, advance: (ms: number) => systemTimers.sleep(ms), close: () => isolation.close() }
}

describeIsolation('in this process', async () => ({
  isolation: createIsolationInProcess(toHandlers()),
  places: 2,
  advance: (ms: number) => systemTimers.sleep(ms),
  close: async () => {},
}))
describeIsolation('in processes', async () => open())

const isAlive = (pid: unknown): boolean => {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

describe('a process of isolated attempts', () => {
  it('runs one after the other, and is still there for the next', async () => {
    const { isolation, close } = open()
    const pids = new Set<unknown>()
    for (const _ of [1, 2, 3]) pids.add(JSON.stringify(await isolation.run((await createAttempt('pid')).request)))
    expect(pids.size).toBe(1)
    await close()
  })

  it.each([
    ['exit', { name: 'Crash', message: 'the process of the handler ended with exit code 3' }],
    ['kill', { name: 'Crash', message: 'the process of the handler was ended by SIGKILL' }],
    ['escape', { name: 'RangeError', message: 'escaped' }],
  ])('that dies of its handler is a crash, and the next attempt has another: %s', async (type, error) => {
    const { isolation, close, logger } = open()
    const { request, begun } = await createAttempt(type)
    const ending = isolation.run(request)
    await begun
    expect(await ending).toMatchObject({ kind: 'crashed', error })
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    // It counts until nothing of it is left.
    await expect.poll(() => isolation.freeCount(), { timeout: 10_000 }).toBe(places)
    expect(await isolation.run((await createAttempt('echo')).request)).toMatchObject({ kind: 'returned' })
    await close()
  })

  it('that dies of what an earlier attempt left behind is no crash of the present one', async () => {
    const { isolation, close } = open()
    const earlier = await createAttempt('linger')
    expect(await isolation.run(earlier.request)).toMatchObject({ kind: 'returned' })
    const { request } = await createAttempt('work')
    const message = expect.stringContaining(`an error of task ${earlier.request.task.taskId} escaped`)
    expect(await isolation.run(request)).toMatchObject({
      kind: 'threw',
      failure: { cause: 'handler-error', error: { message } },
    })
    await close()
  })

  it('that dies before its handler began says nothing about the task', async () => {
    const { isolation, close } = open({ entry: 'dead-child.ts' })
    const { request, seen } = await createAttempt('echo')
    expect(await isolation.run(request)).toMatchObject({
      kind: 'threw',
      failure: { cause: 'handler-error', error: { message: expect.stringContaining('exit code 7') } },
    })
    expect(seen).toEqual([])
    await close()
  })

  it('is killed when its handler ignores that it was aborted', async () => {
    // The kill that follows the grace, at once: the handler was given its grace by the worker, not by its process.
    const after: Timers['after'] = (delayMs, callback) =>
      systemTimers.after(delayMs === abortGraceMs + 1_000 ? 50 : delayMs, callback)
    const { isolation, close } = open({ timers: { ...systemTimers, after } })
    const { request, nextReport, abort } = await createAttempt('deaf')
    const ending = isolation.run(request)
    const pid = await nextReport()
    abort('cancelled')
    const message = 'the process of the handler ignored its signal'
    expect(await ending).toMatchObject({ kind: 'crashed', error: { message } })
    expect(isAlive(pid)).toBe(false)
    await close()
  })

  it('is killed with what it runs when all is closed', async () => {
    const { isolation, close } = open()
    const { request, nextReport } = await createAttempt('deaf')
    const ending = isolation.run(request)
    const pid = await nextReport()
    await close()
    expect(await ending).toMatchObject({ kind: 'crashed' })
    expect([isAlive(pid), isolation.freeCount()]).toEqual([false, 0])
  })
})

describe('the watch over a process', () => {
  /** Five of its looks without a word from the process are a lease. They come when the test says so. */
  const createLooks = () => {
    const looks: (() => void)[] = []
    const sleep: Timers['sleep'] = (delayMs, signal) =>
      delayMs === leaseMs / 5 ? new Promise((resolve) => looks.push(resolve)) : systemTimers.sleep(delayMs, signal)
    const look = async (): Promise<void> => {
      await expect.poll(() => looks.length).toBe(1)
      looks.shift()?.()
    }
    return { timers: { ...systemTimers, sleep }, look }
  }

  it('kills one that stands still for a whole lease, which is a crash', async () => {
    const { timers, look } = createLooks()
    const { isolation, close } = open({ timers })
    const { request, nextReport } = await createAttempt('spin')
    const ending = isolation.run(request)
    const pid = await nextReport()
    // Its last words are read by then.
    await systemTimers.sleep(500)
    for (const _ of [1, 2, 3, 4, 5]) await look()
    const message = `the process of the handler stood still for ${leaseMs} ms and was killed`
    expect(await ending).toMatchObject({ kind: 'crashed', error: { message } })
    expect(isAlive(pid)).toBe(false)
    await close()
  })

  it('leaves one alone that gives a sign of life between any five looks', async () => {
    const { timers, look } = createLooks()
    const { isolation, close } = open({ timers })
    const { request, nextReport } = await createAttempt('work')
    const ending = isolation.run(request)
    for (const _ of [1, 2, 3, 4, 5]) {
      await nextReport()
      for (const _look of [1, 2, 3, 4]) await look()
    }
    expect(await ending).toMatchObject({ kind: 'returned', result: { text: '"done"' } })
    await close()
  })
})
