import type { Clock, Timers } from '#application/ports/surroundings/clock.ts'
import type { Happening, Scheduler } from './scheduler.ts'
import type { Step } from './steps.ts'

export type Role = 'api' | 'worker' | 'maintenance'

/** One process on a machine of its own, as far as the world outside sees it. */
export interface Host {
  readonly name: string
  readonly role: Role
  /** An old release neither knows tasks of the type `novel` nor can read their histories. */
  readonly release: 'old' | 'new'
  state: 'awake' | 'paused' | 'dead'
  /** Nothing that it sends to the database for its heartbeat arrives. */
  beats: 'arrive' | 'lost'
  /** How far the clock on its wall is ahead of the true time. */
  clockAheadMs: number
  /** Since when it has stood still. */
  stoppedAtMs: number
  /** The thread of a worker that beats: it goes on while handlers hold the event loop. */
  readonly heart: Host | undefined
  /** What happens to it once it is awake again. */
  readonly held: Happening[]
  /** How many calls of each step it waits for, and handlers at work. */
  readonly underWay: Map<Step, number>
}

export const createHost = (name: string, role: Role, release: Host['release']): Host => {
  const create = (heart: Host | undefined, underWay: Host['underWay']): Host => ({
    name,
    role,
    release,
    state: 'awake',
    beats: 'arrive',
    clockAheadMs: 0,
    stoppedAtMs: 0,
    heart,
    held: [],
    underWay,
  })
  const underWay: Host['underWay'] = new Map()
  return create(role === 'worker' ? create(undefined, underWay) : undefined, underWay)
}

/** Nothing happens in it any more. */
export const end = (host: Host): void => {
  host.state = 'dead'
  host.held.length = 0
  if (host.heart !== undefined) end(host.heart)
}

export const stepsUnderWay = ({ underWay, state }: Host): readonly Step[] =>
  state === 'dead' ? [] : [...underWay].flatMap(([step, count]) => (count > 0 ? [step] : []))

/** Clocks of all hosts go at one rate; a pause does not stop them. */
export const createHostClock = (scheduler: Scheduler): Clock => ({ monotonicMs: () => scheduler.nowMs() })

/** The timers of one process: held while it is paused, gone when it is dead. */
export const createHostTimers = (scheduler: Scheduler, host: Host): Timers => {
  const after: Timers['after'] = (delayMs, callback) => scheduler.after(delayMs, host, 'timer', callback)
  return {
    after,
    soon: (callback) => void scheduler.after(0, host, 'soon', callback),
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve()
        const wake = (): void => {
          cancel()
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const cancel = after(delayMs, wake)
        signal?.addEventListener('abort', wake)
      }),
  }
}
