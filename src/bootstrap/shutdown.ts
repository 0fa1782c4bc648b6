import type { EventEmitter } from 'node:events'

/** `SIGHUP`: its terminal was closed, or its connection lost. */
export type ShutdownSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** A request to this process to end. */
export interface ShutdownRequest {
  readonly signal: ShutdownSignal
}

interface Deps {
  /** Node's process, which emits the signals. */
  readonly source: EventEmitter
  /** Whether SIGHUP is a request. Left alone, it would end the process without a drain. */
  readonly hangup: 'ends' | 'ignored'
  readonly monotonicMs: () => number
  /** Ends the process at once; called for a second request. */
  readonly endNow: (request: ShutdownRequest) => void
}

export interface ShutdownWatch {
  /** Resolves with the first request. */
  readonly requested: Promise<ShutdownRequest>
  close(): void
}

/** Ctrl-C in a terminal sends SIGINT to npm and to this process, and npm passes its own on: two signals, one request. */
const sameMomentMs = 500

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies readonly ShutdownSignal[]

/** Listens for SIGINT, SIGTERM and SIGHUP. The first requests a drain; one that comes over 500 ms later ends the process at once. */
export const watchForShutdown = ({ source, hangup, monotonicMs, endNow }: Deps): ShutdownWatch => {
  const { promise, resolve } = Promise.withResolvers<ShutdownRequest>()
  let requestedAtMs: number | undefined

  const listeners = signals.map((signal) => {
    const listener = (): void => {
      if (signal === 'SIGHUP' && hangup === 'ignored') return
      if (requestedAtMs === undefined) {
        requestedAtMs = monotonicMs()
        resolve({ signal })
      } else if (monotonicMs() - requestedAtMs > sameMomentMs) endNow({ signal })
    }
    source.on(signal, listener)
    return { signal, listener }
  })

  return {
    requested: promise,
    close: () => {
      for (const { signal, listener } of listeners) source.off(signal, listener)
    },
  }
}
