/** Repeats one pass until it is closed. */
export interface PeriodicLoop {
  start(): void
  /** Resolves when the pass under way has ended. */
  close(): Promise<void>
}

/** The members of the ports Clock, Timers and Logger that a loop uses: a mechanism imports nothing. */
interface Surroundings {
  readonly clock: { monotonicMs(): number }
  readonly timers: { sleep(delayMs: number, signal: AbortSignal): Promise<void> }
  readonly logger: Readonly<
    Record<'info' | 'warn', (fields: Readonly<Record<string, unknown>>, message: string) => void>
  >
}

interface Options {
  /** For the log. */
  readonly name: string
  /** One pass. Its stores bound how long it takes; `signal` aborts when the loop is closed. */
  readonly pass: (signal: AbortSignal) => Promise<void>
  /** From the beginning of one pass to the beginning of the next; asked after each pass. */
  readonly everyMs: () => number
}

/** The shortest pause between two passes, so that other work of the process gets its turn after a long pass. */
const pauseMsMin = 10

/**
 * A pass that throws does not end the loop: the next one comes in its time. An outage is one line in the log when it begins
 * and one when it is over, however many passes fail.
 */
export const createPeriodicLoop = ({ clock, timers, logger }: Surroundings, options: Options): PeriodicLoop => {
  const controller = new AbortController()
  let running: Promise<void> | undefined
  let outage: 'none' | 'under-way' = 'none'

  const runPass = async (): Promise<void> => {
    try {
      await options.pass(controller.signal)
      if (outage === 'under-way') logger.info({ pass: options.name }, 'a periodic pass succeeded again')
      outage = 'none'
    } catch (error) {
      if (outage === 'none') logger.warn({ pass: options.name, err: error }, 'a periodic pass failed')
      outage = 'under-way'
    }
  }

  const loop = async (): Promise<void> => {
    while (!controller.signal.aborted) {
      const begunAtMs = clock.monotonicMs()
      await runPass()
      const leftMs = options.everyMs() - (clock.monotonicMs() - begunAtMs)
      await timers.sleep(Math.max(pauseMsMin, leftMs), controller.signal)
    }
  }

  return {
    start: () => {
      running ??= loop()
    },
    close: async () => {
      controller.abort()
      await running
    },
  }
}
