import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves after `delayMs`, or as soon as `signal` aborts; never rejects. */
export const pause = async (delayMs: number, signal: AbortSignal): Promise<void> => {
  await sleep(delayMs, undefined, { signal }).catch(() => {})
}

const leastMs = 50
const mostMs = 1_000

/** Doubles with each failure up to a second; half of it is chance, so that a fleet does not come back in step. */
export const backOffMs = (failures: number): number => {
  const fullMs = Math.min(mostMs, leastMs * 2 ** Math.min(failures, 10))
  return fullMs / 2 + (Math.random() * fullMs) / 2
}
