import { type Level, type Logger as PinoLogger, pino } from 'pino'
import type { Logger, LogFields } from '#application/ports/surroundings/logger.ts'
import type { logLevels } from './log-levels.ts'

export interface LoggerOptions {
  readonly level: (typeof logLevels)[number]
  /** `pretty` for a person at a terminal, `json` (a line each) for everything else. */
  readonly form: 'pretty' | 'json'
  /** Where lines go: standard error unless said otherwise, because standard output begins with the address of the process. */
  readonly fileDescriptor?: number
}

/** Lines are written synchronously: one that tells why a process ended must not be lost with it. */
export const createLogger = async ({ level, form, fileDescriptor = 2 }: LoggerOptions): Promise<Logger> => {
  const options = { level, base: null, serializers: { err: describeError }, timestamp: pino.stdTimeFunctions.isoTime }
  const stream =
    form === 'pretty'
      ? (await import('pino-pretty')).default({
          destination: fileDescriptor,
          sync: true,
          translateTime: 'SYS:HH:MM:ss.l',
          colorize: true,
        })
      : pino.destination({ dest: fileDescriptor, sync: true })
  return wrap(pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, stream))
}

const wrap = (target: PinoLogger): Logger => {
  const at =
    (level: Level) =>
    (fields: LogFields, message: string): void => {
      target[level](fields, message)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(target.child(fields)),
  }
}

const causesMax = 5
const messageLengthMax = 1_000

/**
 * What a line says of an error: names, messages, codes and the innermost stack. Nothing else of it, because drivers hang
 * the values of a failed statement on their errors, and those are payloads.
 */
const describeError = (error: unknown): LogFields => {
  const causes: LogFields[] = []
  let at: unknown = error
  let stack: string | undefined
  for (; at instanceof Error && causes.length < causesMax; at = at.cause) {
    causes.push({
      name: at.name,
      message: at.message.slice(0, messageLengthMax),
      ...('code' in at && (typeof at.code === 'string' || typeof at.code === 'number') && { code: at.code }),
    })
    stack = at.stack?.split('\n').slice(1, 21).join('\n') ?? stack
  }
  const [first, ...others] = causes
  if (first === undefined) return { message: `not an error but ${typeof error}` }
  return { ...first, ...(stack !== undefined && { stack }), ...(others.length > 0 && { causes: others }) }
}
