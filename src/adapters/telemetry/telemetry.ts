import type { Meter, Tracer } from '@opentelemetry/api'
import type { Logger } from '#application/ports/surroundings/logger.ts'

/** What sends traces and metrics away, started before anything else is loaded. */
export interface Telemetry {
  /** Undefined where no traces are wanted: then nothing is wrapped. */
  readonly tracer: Tracer | undefined
  /** Undefined where metrics are only served at `/metrics`. */
  readonly meter: Meter | undefined
  /** Names the span of the request at hand after the route that answers it. */
  readonly nameRoute: ((route: string) => void) | undefined
  /** Sends what is left, for at most five seconds, and says so when that was not enough. Never throws. */
  shutdown(logger: Logger): Promise<void>
}

/** Nothing is sent anywhere. */
export const noTelemetry: Telemetry = {
  tracer: undefined,
  meter: undefined,
  nameRoute: undefined,
  shutdown: () => Promise.resolve(),
}
