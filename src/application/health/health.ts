/** The latest finding about one thing that a process depends on. */
export interface HealthCheck {
  readonly name: 'postgres' | 'redis' | 'pull' | 'beat'
  readonly ok: boolean
  /** For a person, without secrets: what was seen, and when. */
  readonly message: string
}

/** Reads the latest findings and asks nothing, so it answers at once even while a dependency hangs. */
export type ReadHealth = () => readonly HealthCheck[]
