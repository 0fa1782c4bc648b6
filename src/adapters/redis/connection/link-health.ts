import type { HealthCheck } from '#application/health/health.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'
import { messageOf } from './errors.ts'

/** Whether Redis is of use at present, why not, and since when. */
export interface LinkHealth {
  /** Takes the error of the latest attempt, or undefined when it succeeded. Each change is logged once. */
  readonly record: (error: unknown) => void
  reason(): string
  readonly read: () => HealthCheck
}

export const createLinkHealth = ({ clock, logger }: Pick<Runtime, 'clock' | 'logger'>): LinkHealth => {
  let problem: string | undefined = 'not connected yet'
  let sinceMs = clock.monotonicMs()
  return {
    reason: (): string => problem ?? 'the connection was lost',
    record: (error: unknown): void => {
      const before = problem
      problem = error === undefined ? undefined : messageOf(error)
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
