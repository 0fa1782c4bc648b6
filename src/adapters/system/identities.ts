import { randomFillSync, randomUUID } from 'node:crypto'
import { v7 } from 'uuid'
import type { StoreClock } from '#application/ports/surroundings/clock.ts'
import type { Identities } from '#application/ports/surroundings/identities.ts'
import { type AppendId, parseIncarnation, trustAppendId, trustTaskId } from '#domain/identifiers.ts'

function toDigits(number: number, count: number): string {
  return number.toString(16).padStart(count, '0')
}

/** Each millisecond's sequence begins below this, so that it has room to rise within the millisecond. */
const sequenceStartMax = 2 ** 31
const sequenceMax = 2 ** 32 - 1

/** Ids of a process do not follow a clock that steps back by less, so that they rise all the same. */
const aheadMsMax = 10_000

/**
 * Identities from the operating system's random source.
 *
 * Task ids take their time from the store's clock, so that ids of all processes sort by the time of submission whatever
 * their own clocks show, and a sequence of 32 bits, so that those of one process rise, also when the clock steps back a little.
 */
export const createSystemIdentities = (storeClock: StoreClock): Identities => {
  const drawBytes = createByteSource()
  let lastMs = 0
  let sequence = 0

  const advance = (): void => {
    const nowMs = storeClock.now()
    const follows = nowMs > lastMs || nowMs < lastMs - aheadMsMax
    if (follows || sequence === sequenceMax) {
      lastMs = follows ? nowMs : lastMs + 1
      sequence = Math.floor(Math.random() * sequenceStartMax)
    } else sequence += 1
  }

  return {
    mintTaskId: () => {
      advance()
      return trustTaskId(v7({ msecs: lastMs, seq: sequence, random: drawBytes() }))
    },
    mintAppendId: createAppendIdMint(),
    mintIncarnation: () => parseIncarnation(randomUUID()),
  }
}

const bytesPerId = 16
const idsPerDraw = 256

/** Random bytes for one id after the other, drawn from the system for 256 ids at once: a draw is four fifths of minting an id. */
const createByteSource = (): (() => Uint8Array) => {
  const bytes = new Uint8Array(bytesPerId * idsPerDraw)
  let used = bytes.length
  return () => {
    if (used === bytes.length) {
      randomFillSync(bytes)
      used = 0
    }
    used += bytesPerId
    return bytes.subarray(used - bytesPerId, used)
  }
}

/** Three hexadecimal digits. */
const lowDigits = Array.from({ length: 4_096 }, (_, number) => toDigits(number, 3))

/**
 * Version 8 UUIDs: 74 random bits that stay the same in this process, then a counter of 48 bits. Two are minted for every task
 * that runs, and a random UUID costs five times as much.
 */
const createAppendIdMint = (): (() => AppendId) => {
  const own = `${randomUUID().slice(0, 14)}8${randomUUID().slice(15, 24)}`
  let high = -1
  let low = lowDigits.length
  let beginning = ''
  return () => {
    if (low === lowDigits.length) {
      low = 0
      high += 1
      beginning = own + toDigits(high, 9)
    }
    low += 1
    return trustAppendId(beginning + lowDigits[low - 1])
  }
}
