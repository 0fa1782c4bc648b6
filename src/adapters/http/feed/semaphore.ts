/** Lets so many at a time go on with what they want; the others wait in the order in which they came. */
export interface Turns {
  /** Resolves or rejects as `work` does. */
  take<Result>(work: () => Promise<Result>): Promise<Result>
}

/** Whoever creates turns bounds how many may wait. */
export const createTurns = (atOnceMax: number): Turns => {
  const waiting: (() => void)[] = []
  let free = atOnceMax

  const give = (): void => {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next()
  }

  return {
    take: async (work) => {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await work()
      } finally {
        give()
      }
    },
  }
}
