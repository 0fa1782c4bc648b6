/** Adds `by`, or 1, to a counter of the metrics. Never throws. */
export type Count = (name: CountName, by?: number) => void

export type CountName =
  /** Ids pulled from the queue that could not be started, by reason. */
  | 'dropped-not-found'
  | 'dropped-not-due'
  | 'dropped-not-startable'
  | 'dropped-conflict'
  | 'dropped-undecodable'
  /** Tasks suspected of killing workers that found no isolated process free. */
  | 'dropped-no-process'
  /** Hints that never reached the queue. */
  | 'hints-lost'
  /** Heads that were unlike the fold of their events, and were repaired. */
  | 'heads-repaired'
  /** Outcomes that were not recorded because the run was no longer in force. */
  | 'outcomes-fenced'
  | 'incarnations-fenced'
  /** Handlers that ignored their aborted signal until they were given up on. */
  | 'handlers-cut-off'
  | 'workers-lost'
  | 'runs-lost'
  /** Ids the reconciler pushed. */
  | 'reconciled'
  /** Passes of sweeper and reconciler that were completed. */
  | 'sweeps'
  | 'reconciliations'
