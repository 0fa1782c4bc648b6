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
  /** Further connections are ended as they arrive. */
  connectionsMax: 10_000,
  /** How many requests may be under way, streams and requests that wait for the end of a task included. */
  requestsAtOnceMax: 4_096,
  /** Of each of the bounds on what is under way at once, the part that one client address may take. */
  shareOfOneAddress: 0.75,
  /** A body, or an answer, of this size is covered by the bound on requests: the larger ones cannot keep it out. */
  smallBytesMax: 16_384,
  /** What has arrived of all larger bodies, until their requests have been answered. */
  bodyBytesAtOnceMax: 50_331_648,
  /** Of those the ones that are parsed, judged and stored at the same time, which takes several times as much memory. */
  bodyBytesInWorkMax: 16_777_216,
  /** How many bodies may be on their way; one more ends the one that has been for the longest. */
  arrivalsMax: 1_024,
  /** How long a body may arrive as slowly as it likes, and how many bytes must come in each second after that. */
  arrivalGraceMs: 5_000,
  arrivalBytesPerSecondMin: 16_384,
  /** What clients have not taken off yet of all larger answers. */
  answerBytesAtOnceMax: 67_108_864,
  /** How long a client may take nothing off of an answer, or of a stream; longer than a stream is silent. */
  stalledAnswerMs: 30_000,
  /** Pages end before the item with which they would grow beyond it; one item is given in any case. */
  pageBytesMax: 1_048_576,
  streamsAtOnceMax: 128,
} as const
