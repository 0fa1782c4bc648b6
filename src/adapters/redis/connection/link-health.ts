import type { HealthCheck } from '#application/health/health.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { messageOf } from './errors.ts'

/** What is wrong with Redis at present, if anything, and since when. */
export interface LinkHealth {
  /** Takes what went wrong, or undefined when all is well. Each change is logged once. */
  readonly note: (found: unknown) => void
  reason(): string
  readonly read: () => HealthCheck
}

export const createLinkHealth = ({ clock, logger }: Pick<Runtime, 'clock' | 'logger'>): LinkHealth => {
  let problem: string | undefined = 'not connected yet'
  let sinceMs = clock.monotonicMs()
  return {
    reason: (): string => problem ?? 'the connection was lost',
    note: (found: unknown): void => {
      const before = problem
      problem = found === undefined ? undefined : messageOf(found)
      if (problem === before) return
      if (problem === undefined || before === undefined) sinceMs = clock.monotonicMs()
      if (problem === undefined) logger.info({}, 'connected to Redis')
      else logger.warn({ reason: problem }, 'Redis was of no use; tasks went by way of the database')
    },
    read: (): HealthCheck => {
      const seconds = Math.round((clock.monotonicMs() - sinceMs) / 1_000)
      return problem === undefined
        ? { name: 'redis', ok: true, message: `has taken writes for ${seconds} s` }
        : { name: 'redis', ok: false, message: `${problem} (for ${seconds} s)` }
    },
  }
}
