import type { LogFields, Logger } from '#application/ports/surroundings/logger.ts'

/** One logged line, with the fields of the logger that wrote it. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: LogFields
  readonly message: string
}

/** A logger that keeps its latest 10,000 lines, those of its children included. */
export interface MemoryLogger extends Logger {
  readonly lines: readonly LogLine[]
}

const linesMax = 10_000

export const createMemoryLogger = (): MemoryLogger => {
  const lines: LogLine[] = []
  const logger = createChild(lines, {})
  return {
    lines,
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (fields) => logger.child(fields),
  }
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
