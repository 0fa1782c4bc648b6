/** Counts what happened, for metrics. Never throws. */
export type Count = (name: CountName, by?: number) => void

export type CountName =
  /** Ids pulled from the queue that could not be started, by why. */
  | 'dropped-not-found'
  | 'dropped-not-due'
  | 'dropped-not-startable'
  | 'dropped-conflict'
  | 'dropped-undecodable'
  /** Tasks under suspicion that found no process of their own free. */
  | 'dropped-no-process'
  /** Hints that never reached the queue. */
  | 'hints-lost'
  /** Heads that were unlike the fold of their events. */
  | 'heads-repaired'
  /** Outcomes that were not recorded because another run, or none, was in force. */
  | 'outcomes-fenced'
  | 'incarnations-fenced'
  /** Handlers that ignored their aborted signal until they were given up on. */
  | 'handlers-cut-off'
  | 'workers-lost'
  | 'runs-lost'
  /** Ids the reconciler pushed. */
  | 'reconciled'
  /** ExclusiveWork that were completed. */
  | 'sweeps'
  | 'reconciliations'
