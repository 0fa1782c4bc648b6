import type { Random } from '#application/ports/surroundings/identities.ts'

/**
 * Random numbers in [0, 1) that are the same for the same seed. For tests only, never for secrets.
 *
 * The generator is sfc32 of PractRand: short, fast, and with a state so large that sequences of different seeds do not meet.
 */
export const createSeededRandom = (seed: number): Random => {
  let a = seed >>> 0
  let b = Math.floor(seed / 2 ** 32) >>> 0
  let c = 0x9e37_79b9
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let round = 0; round < warmUpRounds; round += 1) next()
  return next
}

/** Rounds after which every bit of the seed has reached every bit of the output. */
const warmUpRounds = 15
