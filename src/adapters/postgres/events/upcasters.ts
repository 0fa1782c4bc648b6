/** Turns the data of one event type from one schema version into the next. */
export type Upcast = (data: unknown) => unknown

/** For each event type the steps from version 1 on: the first from 1 to 2, the second from 2 to 3. */
export type Upcasters = Readonly<Record<string, readonly Upcast[]>>

/**
 * All steps. A change of an event's data adds one here, and a golden file of the old form to the tests; stored events are
 * never rewritten. Every type is at version 1 so far.
 */
export const upcasters: Upcasters = {}

/**
 * Brings `data`, written at `version`, up to the present version of its type.
 *
 * Throws a RangeError for a version this release does not know: during a rolling deploy an old process must leave the
 * tasks of newer ones alone instead of misreading them.
 */
export const upcast = (known: Upcasters, type: string, version: number, data: unknown): unknown => {
  const steps = known[type] ?? noSteps
  if (version < 1 || version > steps.length + 1)
    throw new RangeError(`${type} was written at schema version ${version}`)
  let current = data
  for (let at = version - 1; at < steps.length; at += 1) current = steps[at]?.(current)
  return current
}

const noSteps: readonly Upcast[] = []

/** The present schema version of a type, at which its events are written. */
export const schemaVersionOf = (known: Upcasters, type: string): number => (known[type]?.length ?? 0) + 1
