import { backOffMs, type BackOffLimits } from '#application/mechanisms/back-off.ts'
import type { Runtime } from '#application/ports/surroundings/runtime.ts'

interface Options<Connection> {
  readonly runtime: Pick<Runtime, 'timers' | 'random'>
  /** What the first attempt came to; undefined when it failed. */
  readonly first: Connection | undefined
  /** Resolves with undefined when there is no connection to be had at present. */
  readonly open: () => Promise<Connection | undefined>
  /** Resolves when the connection is of no use any more, and when `closing` aborts. */
  readonly untilLost: (connection: Connection) => Promise<void>
  readonly closing: AbortSignal
}

const reconnectLimits: BackOffLimits = { firstMs: 50, mostMs: 1_000 }

/**
 * Opens a connection again whenever it is lost, with a back-off of at most a second, until `closing` aborts. Resolves then
 * with a connection that was opened in that moment, which the caller ends.
 */
export const keepOpen = async <Connection>(options: Options<Connection>): Promise<Connection | undefined> => {
  const { runtime, first, open, untilLost, closing } = options
  let connection = first
  for (let failures = 0; !closing.aborted; failures += 1) {
    if (connection !== undefined) {
      await untilLost(connection)
      failures = 0
    }
    await runtime.timers.sleep(backOffMs(failures, runtime.random(), reconnectLimits), closing)
    connection = closing.aborted ? undefined : await open()
  }
  return connection
}
