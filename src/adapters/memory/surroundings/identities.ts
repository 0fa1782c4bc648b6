import type { StoreClock } from '#application/ports/surroundings/clock.ts'
import type { Identities, Random } from '#application/ports/surroundings/identities.ts'
import { parseAppendId, parseIncarnation, parseTaskId } from '#domain/identifiers.ts'

/** Ids do not follow a clock that steps back by less, so that they rise all the same. */
const aheadMsMax = 10_000

/** Task ids of one millisecond; further ones take their time from the next millisecond. */
const idsPerMsMax = 4_096

/**
 * Identities that are equal for equal clock and seed. Each process of a test needs a `random` of its own, or two processes
 * mint the same ids.
 */
export const createMemoryIdentities = (storeClock: StoreClock, random: Random): Identities => {
  let lastMs = 0
  let mintedInMs = 0

  const mintTaskId = () => {
    const nowMs = storeClock.now()
    const follows = nowMs > lastMs || nowMs < lastMs - aheadMsMax
    mintedInMs = follows ? 0 : mintedInMs + 1
    lastMs = (follows ? nowMs : lastMs) + Math.floor(mintedInMs / idsPerMsMax)
    mintedInMs %= idsPerMsMax
    const time = hex(lastMs, 12)
    return parseTaskId(toUuid(`${time}7${hex(mintedInMs, 3)}${variantAndChance(random)}`))
  }

  const mintVersion4 = (): string => {
    const chance = hex(word(random), 8) + hex(word(random), 8)
    return toUuid(`${chance.slice(0, 12)}4${chance.slice(13)}${variantAndChance(random)}`)
  }

  return {
    mintTaskId,
    mintAppendId: () => parseAppendId(mintVersion4()),
    mintIncarnation: () => parseIncarnation(mintVersion4()),
  }
}

const word = (random: Random): number => Math.floor(random() * 2 ** 32)

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** The last 64 bits of a UUID: two of them are the variant of RFC 9562, the others are random. */
const variantAndChance = (random: Random): string => hex(0x8000_0000 + (word(random) >>> 2), 8) + hex(word(random), 8)

const toUuid = (digits: string): string =>
  [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-')
