import type { EventEmitter } from 'node:events'
import type { Logger } from '#application/ports/surroundings/logger.ts'

interface Deps {
  /** Node's process, which emits its own warnings and those of packages. */
  readonly source: EventEmitter
  /** Node's console. */
  readonly lines: Pick<Console, 'warn' | 'error'>
  readonly logger: Logger
}

/** Packages of ours that write to the console, where whoever reads the log as JSON would stumble over them. */
const packages = /[\\/]node_modules[\\/](ioredis|pg|pg-[a-z-]+|slonik|@slonik[\\/][a-z-]+)[\\/]/
const lengthMax = 1_000

/**
 * Puts into the log what our packages and Node itself would write to standard error. The lines of handlers stay theirs, so
 * the caller of each call is looked up, which costs as little as such lines are rare.
 */
export const adoptForeignLines = ({ source, lines, logger }: Deps): void => {
  for (const level of ['warn', 'error'] as const) {
    const write = lines[level].bind(lines)
    lines[level] = (...said: readonly unknown[]): void => {
      const library = packages.exec(findCaller(lines[level]))?.[1]
      if (library === undefined) return write(...said)
      logger.warn({ library, line: said.map(String).join(' ').slice(0, lengthMax) }, 'a library wrote a line')
    }
  }
  // Node's own listener, which writes the lines.
  source.removeAllListeners('warning')
  source.on('warning', (warning: Error) => logger.warn({ err: warning }, 'Node warned'))
}

/** The frame that called `callee`. */
const findCaller = (callee: (...said: readonly unknown[]) => void): string => {
  const at: { readonly stack?: string } = {}
  Error.captureStackTrace(at, callee)
  return at.stack?.split('\n')[1] ?? ''
}
