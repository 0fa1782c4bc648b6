import type { Mutant } from '../support/mutant.ts'
import { appendFunction, appendStatement } from './append-function.ts'
import { feed } from './feed.ts'
import { groupCommit } from './group-commit.ts'
import { http } from './http.ts'
import { isolation } from './isolation.ts'
import { ledger } from './ledger.ts'
import { queues } from './queues.ts'
import { recovery } from './recovery.ts'
import { telemetry } from './telemetry.ts'
import { workerRuns } from './worker-runs.ts'
import { worker } from './worker.ts'

/** Wrong versions of the protocol. The tests notice each of them. */
export const plantedMutants: readonly Mutant[] = [
  ...appendFunction,
  ...appendStatement,
  ...groupCommit,
  ...worker,
  ...workerRuns,
  ...recovery,
  ...queues,
  ...ledger,
  ...feed,
  ...http,
  ...isolation,
  ...telemetry,
]
