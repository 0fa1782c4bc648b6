/** An instant in milliseconds since 1970-01-01T00:00:00Z, by the clock of the store that recorded it. Always whole. */
export type Instant = number

/** Either a delay, counted from the instant the event is recorded, or an absolute instant. Never both. */
export type Due =
  | { readonly delayMs: number; readonly runAt?: never }
  | { readonly runAt: Instant; readonly delayMs?: never }

/** The instant at which something due becomes ready: `runAt`, or `recordedAt + delayMs`. */
export const readyInstant = (due: Due, recordedAt: Instant): Instant => due.runAt ?? recordedAt + due.delayMs

/**
 * Whether what becomes ready at `readyAt` is due at the instant `at` of the store's clock. What was due when its last event was
 * recorded, at `changedAt`, is due for good, also when the clock has stepped back since: only a delay depends on the clock.
 */
export const isDue = (
  { readyAt, changedAt }: { readonly readyAt: Instant; readonly changedAt: Instant },
  at: Instant,
): boolean => readyAt <= changedAt || readyAt <= at
