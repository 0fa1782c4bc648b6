/** What the main thread and the heartbeat thread know of each other without a message: read and written at any moment. */
export interface HeartbeatCells {
  /** When the last acknowledged beat was sent; `neverAcknowledged` once the row was found ended or gone. */
  readonly acknowledgedSentAtNs: Cell<bigint>
  /** Rises with each writing of `acknowledgedSentAtNs`, after it: a look at this costs less than a look at that. */
  readonly acknowledgements: Cell<number>
  /** When the event loop of the main thread last came round. */
  readonly mainSeenAtNs: Cell<bigint>
  /** What the next beats say. */
  readonly running: Cell<number>
  readonly draining: Cell<number>
}

export interface Cell<Value> {
  read(): Value
  write(value: Value): void
}

export const neverAcknowledged = -1n

const bytes = 28

export const allocateHeartbeatCells = (): SharedArrayBuffer => new SharedArrayBuffer(bytes)

/** All instants are of `process.hrtime`, whose zero is the same in every thread. */
export const viewHeartbeatCells = (memory: SharedArrayBuffer): HeartbeatCells => {
  const instants = new BigInt64Array(memory, 0, 2)
  const numbers = new Int32Array(memory, 16, 3)
  const instantCell = (index: number): Cell<bigint> => ({
    read: () => Atomics.load(instants, index),
    write: (value) => void Atomics.store(instants, index, value),
  })
  const numberCell = (index: number): Cell<number> => ({
    read: () => Atomics.load(numbers, index),
    write: (value) => void Atomics.store(numbers, index, value),
  })
  return {
    acknowledgedSentAtNs: instantCell(0),
    mainSeenAtNs: instantCell(1),
    running: numberCell(0),
    draining: numberCell(1),
    acknowledgements: numberCell(2),
  }
}
