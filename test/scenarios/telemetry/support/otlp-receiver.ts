import { createServer, type IncomingMessage } from 'node:http'
import { z } from 'zod'

/** One span as it was received. */
export interface ReceivedSpan {
  readonly service: string
  readonly pid: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[]
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number
}

/** A receiver of OTLP over HTTP in JSON. */
export interface OtlpReceiver {
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  /** Every body as it came, of traces, metrics and logs. */
  readonly bodies: readonly string[]
  /** Names of the metrics that were received. */
  readonly metricNames: ReadonlySet<string>
  close(): Promise<void>
}

const bodiesMax = 10_000

export const startOtlpReceiver = async (): Promise<OtlpReceiver> => {
  const spans: ReceivedSpan[] = []
  const bodies: string[] = []
  const metricNames = new Set<string>()
  const take = (path: string, text: string): void => {
    if (bodies.length < bodiesMax) bodies.push(text)
    if (path === '/v1/traces') spans.push(...toSpans(traces.parse(JSON.parse(text))))
    if (path === '/v1/metrics') for (const name of toMetricNames(metrics.parse(JSON.parse(text)))) metricNames.add(name)
  }
  const server = createServer((request, response) => {
    void readText(request).then((text) => {
      take(request.url ?? '', text)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the receiver has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans,
    bodies,
    metricNames,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

/** The environment of a process that sends everything to the receiver, quickly. */
export const sendTo = (receiver: OtlpReceiver): Readonly<Record<string, string>> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '100',
  OTEL_BLRP_SCHEDULE_DELAY: '100',
  OTEL_METRIC_EXPORT_INTERVAL: '500',
  OTEL_METRIC_EXPORT_TIMEOUT: '400',
})

const readText = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

const attribute = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) })
const attributes = z.array(attribute).default([])
const link = z.object({ traceId: z.string(), spanId: z.string() })
const event = z.object({ name: z.string(), attributes })
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int(),
  attributes,
  links: z.array(link).default([]),
  events: z.array(event).default([]),
  status: z.object({ code: z.int().default(0) }).default({ code: 0 }),
})
const resource = z.object({ attributes })
const traces = z.object({
  resourceSpans: z.array(z.object({ resource, scopeSpans: z.array(z.object({ spans: z.array(span) })) })),
})
const metrics = z.object({
  resourceMetrics: z.array(
    z.object({ scopeMetrics: z.array(z.object({ metrics: z.array(z.object({ name: z.string() })) })) }),
  ),
})

const toMetricNames = ({ resourceMetrics }: z.output<typeof metrics>): readonly string[] =>
  resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics.map(({ name }) => name)))

const toSpans = ({ resourceSpans }: z.output<typeof traces>): readonly ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource: { attributes: of }, scopeSpans }) => {
    const about = toRecord(of)
    return scopeSpans.flatMap((scope) =>
      scope.spans.map((received) => ({
        service: String(about['service.name']),
        pid: Number(about['process.pid']),
        traceId: received.traceId,
        spanId: received.spanId,
        parentSpanId: received.parentSpanId,
        name: received.name,
        kind: received.kind,
        attributes: toRecord(received.attributes),
        links: received.links,
        events: received.events.map(({ name, attributes: own }) => ({ name, attributes: toRecord(own) })),
        status: received.status.code,
      })),
    )
  })

const toRecord = (list: z.output<typeof attributes>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]))
