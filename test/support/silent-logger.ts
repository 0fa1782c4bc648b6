import type { Logger } from '#application/ports/surroundings/logger.ts'

/** For what must be given a logger and whose lines nobody reads. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}
