import { randomUUID } from 'node:crypto'
import { v7 } from 'uuid'
import type { StoreClock } from '#application/ports/clock.ts'
import type { Identities } from '#application/ports/identities.ts'
import { parseAppendId, parseIncarnation, parseTaskId } from '#domain/identifiers.ts'

/** The sequence begins anew each millisecond below this, so that it has room to rise within the millisecond. */
const sequenceStartMax = 2 ** 31
const sequenceMax = 2 ** 32 - 1

/**
 * Identities with chance from the operating system.
 *
 * Task ids take their time from the store's clock, so that ids of all processes sort by the time of submission whatever
 * their own clocks show, and a sequence of 32 bits, so that those of one process never step back, even when the clock does.
 */
export const createSystemIdentities = (storeClock: StoreClock): Identities => {
  let lastMs = 0
  let sequence = 0

  const advance = (): void => {
    const nowMs = storeClock.now()
    if (nowMs > lastMs || sequence === sequenceMax) {
      lastMs = Math.max(nowMs, lastMs + 1)
      sequence = Math.floor(Math.random() * sequenceStartMax)
    } else sequence += 1
  }

  return {
    mintTaskId: () => {
      advance()
      return parseTaskId(v7({ msecs: lastMs, seq: sequence }))
    },
    mintAppendId: () => parseAppendId(randomUUID()),
    mintIncarnation: () => parseIncarnation(randomUUID()),
  }
}
