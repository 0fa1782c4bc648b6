import type { HealthCheck } from '#application/health/health.ts'

export interface WorkerVitals {
  readonly nowMs: number
  /** When the queue or the heads last answered, or there was last no reason to ask. */
  readonly answeredAtMs: number
  /** When the last acknowledged beat was sent; undefined while the worker is not registered. */
  readonly acknowledgedSentAtMs: number | undefined
  readonly beatMs: number
  /** A worker whose slots are all taken has no reason to pull. */
  readonly slots: 'some-free' | 'all-taken'
}

const pullSilenceMsMax = 5_000
const beatSilenceMsMax = 8_000

/** Judges progress: a loop that exists may still stand still. */
export const readWorkerHealth = (vitals: WorkerVitals): readonly HealthCheck[] => [readPull(vitals), readBeat(vitals)]

const readPull = ({ nowMs, answeredAtMs, slots }: WorkerVitals): HealthCheck => {
  if (slots === 'all-taken') return { name: 'pull', ok: true, message: 'every slot is taken' }
  const silentMs = Math.round(nowMs - answeredAtMs)
  return { name: 'pull', ok: silentMs <= pullSilenceMsMax, message: `the last pull ended ${silentMs} ms ago` }
}

const readBeat = ({ nowMs, acknowledgedSentAtMs, beatMs }: WorkerVitals): HealthCheck => {
  if (acknowledgedSentAtMs === undefined || !Number.isFinite(acknowledgedSentAtMs)) {
    return { name: 'beat', ok: false, message: 'the worker is not registered' }
  }
  const silentMs = Math.round(nowMs - acknowledgedSentAtMs)
  const ok = silentMs <= Math.min(beatSilenceMsMax, 2 * beatMs + beatSlackMs)
  return { name: 'beat', ok, message: `the last acknowledged beat was sent ${silentMs} ms ago` }
}

/** A beat may take a moment to be answered. */
const beatSlackMs = 1_000
