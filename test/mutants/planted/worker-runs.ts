import { plantIn } from '../support/mutant.ts'

const aborting = 'test/adapters/worker/aborting.test.ts'
const claiming = 'test/adapters/worker/claiming.test.ts'
const draining = 'test/adapters/worker/draining.test.ts'
const fencing = 'test/adapters/worker/fencing.test.ts'
const finishing = 'test/application/runs/finish-run.test.ts'
const outages = 'test/adapters/worker/outages.test.ts'
const running = 'test/adapters/worker/running.test.ts'
const breakingDown = 'test/adapters/worker/breaking-down.test.ts'
const area = 'worker'

const start = plantIn({ area, file: 'src/application/runs/start-run.ts', suites: [fencing, claiming, outages] }, [
  {
    name: 'begins a handler whose claim was told after the lease',
    find: `if (!lease.isHeld()) {
    observation.fenced()
    return { kind: 'lease-lost' }
  }
`,
    put: '',
  },
  {
    name: 'never looks at the head of a task that it lost',
    find: 'deps.headRepair.suspect(append.taskId)\n',
    put: '',
  },
  {
    name: 'begins a handler although events followed its claim',
    find: "wasLast(append, verdict) ? 'started' : 'overtaken'",
    put: "wasLast(append, { ...verdict, kind: 'appended', readyAt: undefined }) ? 'started' : 'overtaken'",
  },
])

const finish = plantIn({ area, file: 'src/application/runs/finish-run.ts', suites: [finishing, aborting] }, [
  {
    name: 'records an outcome for a run of another claim',
    find: "loaded.status !== 'PROCESSING' || loaded.claim === claim",
    put: "loaded.status !== 'PROCESSING' || claim !== undefined",
  },
  {
    name: 'gives up an outcome at the first lost race',
    find: 'if (!isStored(verdict)) return recordAgain(deps, run, state, command, lost + 1)',
    put: "if (!isStored(verdict)) return 'fenced'",
  },
  {
    name: 'tells nobody of a task that is to be tried again',
    find: "if (append.head.status === 'PENDING') deps.announcer.announce(toRecordedTask(change, verdict.recordedAt))",
    put: '',
    suites: [running],
  },
  {
    name: 'never repairs a head that loses every race',
    find: 'if (loaded.version === state.version) await repairLostRace(deps, loaded)',
    put: '',
  },
  {
    name: 'loses a run whose outcome cannot be stored',
    find: 'if (!(error instanceof UnstorableAppendError) || isUnstorable(command)) throw error',
    put: 'if (error !== undefined) throw error',
  },
])

const heldAppends = plantIn(
  { area, file: 'src/application/runs/append-while-held.ts', suites: [fencing, outages, finishing] },
  [
    {
      name: 'sends an outcome after its lease',
      find: 'if (!lease.isHeld()) return Promise.resolve(leaseLost)',
      put: '',
    },
    {
      name: 'sends an outcome again after its lease',
      find: '(lease.isHeld() ? store.append(append) : leaseLost)',
      // Once, and not for ever: that would be noticed as a suite that hangs.
      put: '(lease.isHeld() ? store.append(append) : store.append(append).catch(() => leaseLost))',
    },
    {
      name: 'gives up an outcome when the store is away',
      find: 'isPassing: (error) => !(error instanceof UnstorableAppendError)',
      put: 'isPassing: () => false',
    },
  ],
)

const runner = plantIn({ area, file: 'src/adapters/worker/run/runner.ts', suites: [fencing, aborting] }, [
  {
    name: 'aborts the present run for the cancel of an earlier one',
    find: 'if (cancelled.get(run.task.taskId) === run.task.run)',
    put: 'if (cancelled.has(run.task.taskId))',
    suites: [aborting],
  },
  {
    name: 'lets handlers go on whose lease is over',
    find: '      run.abandon()\n',
    put: '',
  },
  {
    name: 'blames every run of the task that an error escaped from',
    find: 'taskId === origin.taskId && number === origin.run',
    put: 'taskId === origin.taskId && number > 0',
    suites: [breakingDown],
  },
  {
    name: 'records a second outcome of a handler that it gave up on',
    find: 'if (!run.isGivenUp) {',
    put: 'if (!run.isGivenUp || ending.kind === "returned") {',
    suites: [aborting],
  },
])

const deadlines = plantIn(
  { area, file: 'src/adapters/worker/run/deadlines.ts', suites: ['test/adapters/worker/run/deadlines.test.ts'] },
  [
    {
      name: 'sets the timer of deadlines once',
      find: 'if (earliestMs !== Number.POSITIVE_INFINITY) setTimer(earliestMs)',
      put: '',
    },
    {
      name: 'leaves the timer of deadlines at the first one',
      find: 'if (timer !== undefined && timer.atMs <= atMs) return',
      put: 'if (timer !== undefined) return',
    },
    {
      name: 'takes every entry for late when one is',
      find: 'if (entry.deadlineAtMs <= nowMs) entry.expire()',
      put: 'if (nowMs > 0) entry.expire()',
    },
  ],
)

const activeRun = plantIn({ area, file: 'src/adapters/worker/run/active-run.ts', suites: [aborting, draining] }, [
  {
    name: 'lets a later abort take the place of the first',
    find: `abort(cause: Exclude<AbortCause, 'fenced'>): void {
    if (this.isGivenUp || this.#abortCause !== undefined) return`,
    put: `abort(cause: Exclude<AbortCause, 'fenced'>): void {
    if (this.isGivenUp) return`,
  },
  {
    name: 'gives a handler that was aborted no grace',
    find: 'monotonicMs() + abortGraceMs',
    put: 'monotonicMs()',
  },
])

const outcome = plantIn({ area, file: 'src/adapters/worker/run/run-outcome.ts', suites: [aborting, draining] }, [
  {
    name: 'spends the attempt of a run that it drained',
    find: "if (facts.abortCause === 'shutdown') return { type: 'Release', run: facts.run }",
    put: '',
  },
  {
    name: 'takes a handler that returned after its abort for failed',
    find: "if (ending.kind === 'returned') return",
    put: "if (ending.kind === 'returned' && facts.abortCause === undefined) return",
  },
  {
    name: 'blames a drained handler for not ending',
    find: `switch (facts.abortCause) {
    case 'shutdown':
      return { type: 'Release', run: facts.run }`,
    put: `switch (facts.abortCause) {
    case 'shutdown':`,
  },
])

/** How a worker runs what it has claimed, and records what became of it. */
export const workerRuns = [...start, ...finish, ...heldAppends, ...runner, ...deadlines, ...activeRun, ...outcome]
