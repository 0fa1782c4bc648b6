/** One thing a process depends on, as it was lately. */
export interface HealthCheck {
  readonly name: 'postgres' | 'redis' | 'pull' | 'beat'
  readonly ok: boolean
  /** For a person: what was seen and when, without secrets. */
  readonly message: string
}

/** Reads the latest findings; probes nothing itself, so it answers at once even when a dependency hangs. */
export type ReadHealth = () => readonly HealthCheck[]
