/** Lets one loop sleep until there is something to do. */
export interface Wake {
  wake(): void
  /** Resolves at the next waking; at once when there was one since the last wait ended. */
  wait(): Promise<void>
}

export const createWake = (): Wake => {
  let state: 'none' | 'woken' = 'none'
  let sleeper: (() => void) | undefined

  return {
    wake: () => {
      if (sleeper === undefined) state = 'woken'
      sleeper?.()
      sleeper = undefined
    },
    wait: () =>
      new Promise((resolve) => {
        if (state === 'none') sleeper = resolve
        else resolve()
        state = 'none'
      }),
  }
}
