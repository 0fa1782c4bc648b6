import type { Writable } from 'node:stream'
import type { Level, Logger as PinoLogger } from 'pino'
import type { Logger, LogFields } from '#application/ports/surroundings/logger.ts'
import { createLogOutput } from './log-output.ts'

/** What `LOG_LEVEL` may be. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export interface LoggerOptions {
  readonly level: (typeof logLevels)[number]
  /** `pretty` for a person at a terminal, `json` (a line each) for everything else. */
  readonly form: 'pretty' | 'json'
  /** Where lines go. By default standard error: the first line on standard output is the address of the process. */
  readonly stream?: Writable
}

/** A logger whose owner may wait for its lines. */
export interface ProcessLogger extends Logger {
  /** Resolves when no line waits for its reader, after `withinMs` at the latest. */
  settle(withinMs: number): Promise<void>
}

/**
 * pino is loaded by the first call. The configuration imports this file for the levels before telemetry starts, and
 * telemetry sees only packages that are loaded after it.
 */
export const createLogger = async ({ level, form, stream = process.stderr }: LoggerOptions): Promise<ProcessLogger> => {
  const { pino } = await import('pino')
  const toLine = form === 'pretty' ? await createPrettyForm() : (line: string) => line
  const output = createLogOutput(stream, {
    onRoom: (lines) => logger.warn({ lines }, 'lines of the log were left out: nobody read them'),
  })
  const options = {
    level,
    base: null,
    serializers: { err: describeError },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const logger = wrap(pino(options, { write: (line) => output.write(toLine(line)) }))
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (fields) => logger.child(fields),
    settle: (withinMs) => output.settle(withinMs),
  }
}

const createPrettyForm = async (): Promise<(line: string) => string> =>
  (await import('pino-pretty')).prettyFactory({ translateTime: 'SYS:HH:MM:ss.l', colorize: true })

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

/** Of the errors that one joins only the first: the others say the same of another address. */
const originOf = (error: Error): unknown => {
  if (error.cause !== undefined || !(error instanceof AggregateError)) return error.cause
  const [first]: readonly unknown[] = error.errors
  return first
}

const causesMax = 5
const messageLengthMax = 1_000

/**
 * A line says of an error and its causes: name, message, code and the innermost stack. Other members are left out, because
 * drivers put the values of a failed statement on their errors, and those values are payloads.
 */
const describeError = (error: unknown): LogFields => {
  const causes: LogFields[] = []
  let at: unknown = error
  let stack: string | undefined
  for (; at instanceof Error && causes.length < causesMax; at = originOf(at)) {
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
