import type { HealthCheck } from '#application/health/health.ts'

export interface WorkerVitals {
  readonly nowMs: number
  /** When ids were last asked for with success. */
  readonly takenAtMs: number
  /** When the last acknowledged beat was sent; undefined while the worker is not registered. */
  readonly acknowledgedSentAtMs: number | undefined
  readonly beatMs: number
  /** A worker whose slots are all taken has no reason to pull. */
  readonly slots: 'some-free' | 'all-taken'
  /** How many routes it serves; without any there is nothing to pull from. */
  readonly routes: number
}

const pullSilenceMsMax = 5_000
const beatSilenceMsMax = 8_000

/** Health is progress: that the loops exist says nothing. */
export const readWorkerHealth = (vitals: WorkerVitals): readonly HealthCheck[] => [readPull(vitals), readBeat(vitals)]

const readPull = ({ nowMs, takenAtMs, slots, routes }: WorkerVitals): HealthCheck => {
  if (routes === 0) return { name: 'pull', ok: true, message: 'no task of a type this worker serves is known yet' }
  if (slots === 'all-taken') return { name: 'pull', ok: true, message: 'every slot is taken' }
  const silentMs = Math.round(nowMs - takenAtMs)
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
