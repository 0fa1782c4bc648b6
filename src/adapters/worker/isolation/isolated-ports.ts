import type { LogFields, Logger } from '#application/ports/surroundings/logger.ts'
import type { FromIsolated, LogLevel } from './isolation-messages.ts'

/** Resolves when the message was handed over, or cannot be. */
export type Tell = (message: FromIsolated) => Promise<void>

/** The worker's logger, which adds the task and attempt itself. */
export const createRemoteLogger = (tell: Tell, more: LogFields = {}): Logger => {
  const at =
    (level: LogLevel) =>
    (fields: LogFields, message: string): void => {
      const line = { level, message } as const
      // A field that cannot be cloned, such as a function, cannot leave the process: the line goes without fields then.
      void tell({ kind: 'log', ...line, fields: { ...more, ...fields } }).catch(() =>
        tell({ kind: 'log', ...line, fields: {} }),
      )
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createRemoteLogger(tell, { ...more, ...fields }),
  }
}
