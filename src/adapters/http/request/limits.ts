/**
 * What one connection may ask of the process, and all of them together. Requests that never finish, header floods and slow
 * bodies end at these; what is too much at once is refused before it costs memory.
 */
export const limits = {
  /** The largest payload with every character as an escape of six, and room for the rest. */
  bodyBytesMax: 2_097_152,
  batchBytesMax: 8_388_608,
  uriCharactersMax: 8_192,
  /** Request line and headers together. */
  headerBytesMax: 16_384,
  /** How long the headers of a request may take to arrive. */
  headersMs: 10_000,
  /** How long a request may take to arrive, its body included. */
  requestMs: 30_000,
  /** How often Node looks for requests that take too long. */
  connectionsCheckMs: 1_000,
  /** How long a connection may stay open between two requests. */
  keepAliveMs: 72_000,
  /** How long a connection may be without traffic while an answer is awaited or read; longer than any answer may wait. */
  silentConnectionMs: 120_000,
  /** Beyond it new connections are closed as they come. */
  connectionsMax: 10_000,
  /** How many requests may be under way; those that wait for a task and streams are among them. */
  requestsAtOnceMax: 4_096,
  /** How much the bodies of requests under way may weigh together, by what they announce. */
  bodyBytesAtOnceMax: 268_435_456,
  streamsAtOnceMax: 128,
} as const
