/** Lets one process of the whole fleet do a periodic pass. */
export interface ExclusiveWork {
  /**
   * Runs `pass` unless another process is at it, or one began less than `everyMs` ago by the store's clock.
   * Throws what `pass` throws, and StoreUnavailableError.
   */
  tryTurn(name: string, everyMs: number, pass: () => Promise<void>): Promise<'done' | 'not-due' | 'taken'>
}
