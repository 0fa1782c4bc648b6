const instants = new Set([
  'oldestReadyAgeMs',
  'recordedAt',
  'readyAt',
  'now',
  'changedAt',
  'submittedAt',
  'startedAt',
  'finishedAt',
  'lastAt',
])

/**
 * The value with every instant and every age replaced by a word: two worlds have different clocks, but must agree on which
 * instants exist. `runAt` stays, because the caller gave it.
 */
export const withoutInstants = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutInstants)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutInstant(name, member)]))
}

const withoutInstant = (name: string, member: unknown): unknown => {
  if (!instants.has(name) || member === undefined) return withoutInstants(member)
  return Array.isArray(member) ? member.map(() => 'an instant') : 'an instant'
}
