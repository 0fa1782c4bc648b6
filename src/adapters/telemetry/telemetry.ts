import type { Meter, Tracer } from '@opentelemetry/api'
import type { Logger } from '#application/ports/surroundings/logger.ts'

/** The export of traces and metrics, started before any other package is loaded. */
export interface Telemetry {
  /** Undefined where no traces are wanted: then no port is decorated. */
  readonly tracer: Tracer | undefined
  /** Undefined where metrics are only served at `/metrics`. */
  readonly meter: Meter | undefined
  /** Names the span of the current request after the route that answers it. */
  readonly nameRoute: ((route: string) => void) | undefined
  /** Sends the rest for at most five seconds, and logs a warning when that was not enough. Never throws. */
  shutdown(logger: Logger): Promise<void>
}

/** Nothing is sent anywhere. */
export const noTelemetry: Telemetry = {
  tracer: undefined,
  meter: undefined,
  nameRoute: undefined,
  shutdown: () => Promise.resolve(),
}
