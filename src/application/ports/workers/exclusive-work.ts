/** Keeps the processes of a fleet apart: of each named periodic work, one process at a time does a pass. */
export interface ExclusiveWork {
  /**
   * Runs `pass` and answers `done`. Answers `taken` while another process does a pass of that name, and `not-due` when one
   * that succeeded began less than `everyMs` ago.
   *
   * A pass that throws counts as not done: the next turn is due at once for every other process, and for this one only
   * after a few times `everyMs`, more with each failure in a row, so that a process whose passes can only fail leaves the
   * work to those that can do it.
   *
   * Steps of the store's clock at most bring a turn forward: they neither put one off nor end one. Throws what `pass` throws,
   * and StoreUnavailableError.
   */
  tryTurn(name: string, everyMs: number, pass: () => Promise<void>): Promise<'done' | 'not-due' | 'taken'>
}
