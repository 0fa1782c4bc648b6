/** Calls `callback` once when the turn of the event loop is over, however often it was asked to meanwhile. */
export const createOncePerTurn = (soon: (callback: () => void) => void, callback: () => void): (() => void) => {
  let state: 'idle' | 'scheduled' = 'idle'
  return () => {
    if (state === 'scheduled') return
    state = 'scheduled'
    soon(() => {
      state = 'idle'
      callback()
    })
  }
}
