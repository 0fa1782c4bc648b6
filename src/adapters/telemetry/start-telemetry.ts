import type { IncomingMessage } from 'node:http'
import { context, metrics, type Span, trace } from '@opentelemetry/api'
import { getNodeAutoInstrumentations, type InstrumentationConfigMap } from '@opentelemetry/auto-instrumentations-node'
import { getRPCMetadata } from '@opentelemetry/core'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { register } from 'import-in-the-middle/register-hooks.mjs'
import type { Telemetry } from './telemetry.ts'

export interface TelemetryOptions {
  readonly signals: ReadonlySet<TelemetrySignal>
  /** Undefined: the environment names the service. */
  readonly serviceName: string | undefined
}

export type TelemetrySignal = 'traces' | 'metrics' | 'logs'

/** The instrumented packages. They must be loaded after the SDK has started. */
const instrumented = ['pg', 'pg-pool', 'ioredis', 'pino', 'undici']

const shutdownMsMax = 5_000

/**
 * Starts the OpenTelemetry SDK by its own variables. Call it before an instrumented package is loaded, and never through
 * `--import`, which worker threads inherit.
 */
export const startTelemetry = ({ signals, serviceName }: TelemetryOptions): Telemetry => {
  const sdk = new NodeSDK({
    ...(serviceName !== undefined && { serviceName }),
    ...(!signals.has('traces') && { spanProcessors: [] }),
    ...(!signals.has('metrics') && { metricReaders: [] }),
    ...(!signals.has('logs') && { logRecordProcessors: [] }),
    instrumentations: signals.has('traces') || signals.has('logs') ? getNodeAutoInstrumentations(instrumentations) : [],
  })
  sdk.start()
  register({ include: instrumented })
  return {
    tracer: signals.has('traces') ? trace.getTracer('taskfold') : undefined,
    meter: signals.has('metrics') ? metrics.getMeter('taskfold') : undefined,
    nameRoute: signals.has('traces') ? nameRoute : undefined,
    shutdown: async (logger) => {
      const late = Promise.withResolvers<'late'>()
      const timer = setTimeout(() => late.resolve('late'), shutdownMsMax)
      try {
        const end = await Promise.race([sdk.shutdown(), late.promise])
        if (end === 'late') logger.warn({}, 'some telemetry was not sent before the end')
      } catch (error) {
        logger.warn({ err: error }, 'some telemetry could not be sent')
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

const nameRoute = (route: string): void => {
  const metadata = getRPCMetadata(context.active())
  if (metadata !== undefined) metadata.route = route
}

/** Probes come every few seconds; their spans would hide the others. */
const isProbe = ({ url }: IncomingMessage): boolean => /^\/(livez|readyz|metrics)(\?|$)/.test(url ?? '')

/**
 * Removes what an instrumentation reports too much: values of headers, and all of an address after its host, because the
 * tokens of webhooks are in paths and queries. Requests to this server are named by their route.
 */
const hideValues = (span: Span): void => {
  const attributes: unknown = Reflect.get(span, 'attributes')
  if (typeof attributes !== 'object' || attributes === null) return
  const route: unknown = Reflect.get(attributes, 'http.route') ?? ''
  for (const [name, value] of Object.entries(attributes)) {
    if (hiddenAttributes.has(name)) span.setAttribute(name, '')
    else if (pathAttributes.has(name)) span.setAttribute(name, String(route))
    else if (addressAttributes.has(name)) span.setAttribute(name, toOrigin(String(value)))
  }
}

const hiddenAttributes = new Set([
  'url.query',
  'user_agent.original',
  'http.user_agent',
  'client.address',
  'http.client_ip',
])
const pathAttributes = new Set(['url.path', 'http.target'])
const addressAttributes = new Set(['url.full', 'http.url'])

const toOrigin = (address: string): string => (URL.canParse(address) ? new URL(address).origin : '')

/**
 * What the instrumentations report: addresses as far as the host, statements and commands without their values. A query or
 * a command that belongs to no trace gets no span: most of those are polls that find nothing.
 */
const instrumentations: InstrumentationConfigMap = {
  '@opentelemetry/instrumentation-http': {
    ignoreIncomingRequestHook: isProbe,
    applyCustomAttributesOnSpan: hideValues,
  },
  '@opentelemetry/instrumentation-undici': {
    requestHook: hideValues,
  },
  '@opentelemetry/instrumentation-pg': { requireParentSpan: true, enhancedDatabaseReporting: false },
  '@opentelemetry/instrumentation-ioredis': {
    requireParentSpan: true,
    dbStatementSerializer: (command) => command,
  },
  '@opentelemetry/instrumentation-fs': { enabled: false },
  '@opentelemetry/instrumentation-net': { enabled: false },
  '@opentelemetry/instrumentation-dns': { enabled: false },
  '@opentelemetry/instrumentation-runtime-node': { enabled: false },
}
