/**
 * How long to wait before a store is asked again: 50 ms doubling to two seconds, of which the upper half is left to
 * chance, so that a fleet does not come back as one.
 */
export const backOffMs = (failuresBefore: number, random: number): number => {
  const cappedMs = Math.min(longestMs, shortestMs * 2 ** Math.min(failuresBefore, doublingsMax))
  return cappedMs / 2 + (random * cappedMs) / 2
}

const shortestMs = 50
const longestMs = 2_000
const doublingsMax = 10
