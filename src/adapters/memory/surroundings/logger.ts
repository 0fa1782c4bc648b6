import type { LogFields, Logger } from '#application/ports/surroundings/logger.ts'

/** One line as it was logged, the fields of its logger included. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: LogFields
  readonly message: string
}

/** A logger that keeps its lines, those of its children included, the oldest ones dropped beyond `linesMax`. */
export interface MemoryLogger extends Logger {
  readonly lines: readonly LogLine[]
}

const linesMax = 10_000

export const createMemoryLogger = (): MemoryLogger => {
  const lines: LogLine[] = []
  return { ...createChild(lines, {}), lines }
}

const createChild = (lines: LogLine[], own: LogFields): Logger => {
  const log =
    (level: LogLine['level']) =>
    (fields: LogFields, message: string): void => {
      if (lines.length === linesMax) lines.shift()
      lines.push({ level, fields: { ...own, ...fields }, message })
    }
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => createChild(lines, { ...own, ...fields }),
  }
}
