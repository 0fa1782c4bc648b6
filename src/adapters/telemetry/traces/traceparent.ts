import { ROOT_CONTEXT, type Context, type SpanContext, trace } from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'

/** A span's context as envelopes carry it: W3C Trace Context, version 00. */
export const toTraceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`

/** The span that an envelope names; undefined when it names none, or malformed. */
export const findSpanContext = (traceparent: string | undefined): SpanContext | undefined => {
  const parsed = traceparent === undefined ? null : parseTraceParent(traceparent)
  if (parsed === null) return undefined
  return { traceId: parsed.traceId, spanId: parsed.spanId, traceFlags: parsed.traceFlags, isRemote: true }
}

/** A context in which spans become children of what the envelope names; without one they begin a trace. */
export const toParentContext = (traceparent: string | undefined): Context => {
  const found = findSpanContext(traceparent)
  return found === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, found)
}
