/** Keeps the processes of a fleet apart: of each named periodic work, one process at a time does a pass. */
export interface ExclusiveWork {
  /**
   * Runs `pass` and answers `done`. Answers `taken` while another process does a pass of that name, and `not-due` when one
   * began less than `everyMs` ago by the store's clock. Throws what `pass` throws, and StoreUnavailableError.
   */
  tryTurn(name: string, everyMs: number, pass: () => Promise<void>): Promise<'done' | 'not-due' | 'taken'>
}
