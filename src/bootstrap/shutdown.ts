import type { EventEmitter } from 'node:events'

/** How a process is told to end. */
export interface ShutdownRequest {
  readonly signal: 'SIGINT' | 'SIGTERM'
}

interface Deps {
  /** Node's process: what signals come from. */
  readonly source: EventEmitter
  readonly monotonicMs: () => number
  /** Ends the process at once: somebody insists. */
  readonly endNow: (request: ShutdownRequest) => void
}

export interface ShutdownWatch {
  /** Resolves with the first request. */
  readonly requested: Promise<ShutdownRequest>
  close(): void
}

/** A terminal's Ctrl-C reaches npm and us, and npm passes its own on: two signals, one wish. */
const sameMomentMs = 500

const signals = ['SIGINT', 'SIGTERM'] as const

/** Listens for SIGINT and SIGTERM. The first asks for a drain; one that comes later than the same moment ends at once. */
export const watchForShutdown = ({ source, monotonicMs, endNow }: Deps): ShutdownWatch => {
  const { promise, resolve } = Promise.withResolvers<ShutdownRequest>()
  let requestedAtMs: number | undefined

  const listeners = signals.map((signal) => {
    const listener = (): void => {
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
