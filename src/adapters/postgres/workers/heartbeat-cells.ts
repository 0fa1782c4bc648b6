/** Memory that the main thread and the heartbeat thread share: either reads and writes it at any moment, without a message. */
export interface HeartbeatCells {
  /** When the last acknowledged beat was sent; `neverAcknowledged` once the row was found ended or gone. */
  readonly acknowledgedSentAtNs: Cell<bigint>
  /** Rises after each write of `acknowledgedSentAtNs`: to read this number costs less than to read that one. */
  readonly acknowledgements: Cell<number>
  /** When a timer of the main thread last fired. */
  readonly mainSeenAtNs: Cell<bigint>
  /** These two travel with the next beats. */
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
