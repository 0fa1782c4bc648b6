/** One library under test. Each call gets connections of its own, as separate processes would have them. */
export interface Contender {
  readonly name: string
  /** `durable`: a submitted task survives the loss of power. */
  readonly kind: 'durable' | 'in memory'
  /** Makes what must exist before anybody submits, in a database and a Redis that are empty. */
  install(setup: Setup): Promise<void>
  openSubmitter(setup: Setup): Promise<Submitter>
  /** Connects a worker that calls `onTask` as the first thing its no-op handler does. */
  openWorker(setup: Setup, onTask: (payload: unknown) => void): Promise<Worker>
  openInspector(setup: Setup): Promise<Inspector>
}

export interface Setup {
  readonly postgresUrl: string
  readonly redisUrl: string
  /** What the library is set up for: many tasks a second, or one task that begins soon after its submission. */
  readonly aim: Aim
}

export type Aim = 'throughput' | 'latency'

export interface Submitter {
  /** Each resolves when the store has said that the tasks are in. */
  submit(payload: Payload): Promise<void>
  submitMany(payloads: readonly Payload[]): Promise<void>
  close(): Promise<void>
}

export interface Worker {
  /** Lets it run tasks. A library that cannot connect without working blocks in its handlers until now. */
  start(): void | Promise<void>
  /** Finishes what it has begun. */
  close(): Promise<void>
}

export interface Inspector {
  /** Whether a task is left that has not been recorded as finished. */
  hasUnfinished(): Promise<boolean>
  close(): Promise<void>
}

/** A hundred bytes as JSON. */
export interface Payload {
  /** Nanoseconds of the monotonic clock that all processes of a machine share. */
  readonly sentAt: number
  readonly text: string
}

const payloadBytes = 100

export const makePayload = (sentAt: number = nowNs()): Payload => {
  const bare = JSON.stringify({ sentAt, text: '' }).length
  return { sentAt, text: 'x'.repeat(payloadBytes - bare) }
}

export const nowNs = (): number => Number(process.hrtime.bigint())
