/** Limits how many works go on at a time; the others wait in the order in which they came. */
export interface Semaphore {
  /** Resolves or rejects as `work` does. */
  run<Result>(work: () => Promise<Result>): Promise<Result>
}

/** `permits`: how many works go on at a time. The creator of a semaphore bounds how many may wait. */
export const createSemaphore = (permits: number): Semaphore => {
  const waiting: (() => void)[] = []
  let free = permits

  const release = (): void => {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next()
  }

  return {
    run: async (work) => {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await work()
      } finally {
        release()
      }
    },
  }
}
