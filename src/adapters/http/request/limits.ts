/**
 * The limits of one connection, and of all connections together. Requests that never finish, floods of headers and slow
 * bodies end at the first; a request beyond the second is refused before it costs memory.
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
  /** Further connections are closed as they arrive. */
  connectionsMax: 10_000,
  /** How many requests may be under way, streams and requests that wait for the end of a task included. */
  requestsAtOnceMax: 4_096,
  /** The announced lengths of the bodies of all requests under way. */
  bodyBytesAtOnceMax: 268_435_456,
  streamsAtOnceMax: 128,
} as const
