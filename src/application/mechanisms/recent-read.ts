/** One reading that several callers share, who need it about as often. */
export interface RecentRead<Answer> {
  /** Asks anew. Throws what the reading throws. */
  fresh(this: void): Promise<Answer>
  /** The latest answer if it was asked for at most `ageMsMax` ago, else a new one. Throws what the reading throws. */
  recent(ageMsMax: number): Promise<Answer>
}

export const createRecentRead = <Answer>(
  clock: { monotonicMs(): number },
  read: () => Promise<Answer>,
): RecentRead<Answer> => {
  let latest: { readonly answer: Answer; readonly askedAtMs: number } | undefined

  const fresh = async (): Promise<Answer> => {
    const askedAtMs = clock.monotonicMs()
    const answer = await read()
    latest = { answer, askedAtMs }
    return answer
  }

  return {
    fresh,
    recent: async (ageMsMax) =>
      latest !== undefined && clock.monotonicMs() - latest.askedAtMs <= ageMsMax ? latest.answer : fresh(),
  }
}
