/** Room for works of different weight. */
export interface WorkRoom {
  /** Resolves when there is room, in the order of the calls; the returned function gives it back and is called once. */
  enter(weight: number): Promise<() => void>
}

/** `weightMax` of works at a time; a heavier one goes alone. The caller bounds how many may wait. */
export const createWorkRoom = (weightMax: number): WorkRoom => {
  const waiting: { readonly weight: number; readonly begin: () => void }[] = []
  let taken = 0

  const letIn = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (taken > 0 && taken + next.weight > weightMax) return
      waiting.shift()
      taken += next.weight
      next.begin()
    }
  }

  return {
    enter: async (weight) => {
      const begun = Promise.withResolvers<void>()
      waiting.push({ weight, begin: begun.resolve })
      letIn()
      await begun.promise
      return () => {
        taken -= weight
        letIn()
      }
    },
  }
}
