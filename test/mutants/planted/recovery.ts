import { plantIn } from '../support/mutant.ts'

const sweeping = 'test/application/recovery/sweeper.test.ts'
const watching = 'test/application/recovery/lease-watch.test.ts'
const reconciling = 'test/application/hints/reconciler.test.ts'
const claiming = 'test/adapters/worker/claiming.test.ts'
const area = 'recovery'

const leaseWatch = plantIn({ area, file: 'src/application/recovery/lease-watch.ts', suites: [watching] }, [
  {
    name: 'takes a worker for silent that beats',
    find: 'before !== undefined && before.beat === beat && gapMs',
    put: 'before !== undefined && gapMs',
  },
  {
    name: 'takes a worker for silent that it did not watch',
    find: ' && gapMs <= leaseMs / readingsPerLeaseMin',
    put: '',
  },
  {
    name: 'takes the gap between two readings at its shortest',
    find: 'const gapMs = answeredAtMs - lastAskedAtMs',
    put: 'const gapMs = askedAtMs - lastAskedAtMs',
  },
  {
    name: 'counts silence from when a reading was asked for',
    find: '{ beat, sinceMs: answeredAtMs }',
    put: '{ beat, sinceMs: askedAtMs }',
  },
  {
    name: 'counts silence until a slow answer came',
    find: 'if (askedAtMs - watch.sinceMs >= leaseMs)',
    put: 'if (answeredAtMs - watch.sinceMs >= leaseMs)',
  },
])

const sweeper = plantIn({ area, file: 'src/application/recovery/sweeper.ts', suites: [sweeping] }, [
  {
    name: 'reads which tasks run before it reads who has ended',
    find: `const rows = await deps.readWorkers()
      // Read after the rows: an ended row under which nothing runs by then will never have a run again.
      const running = new Set(await deps.runs.listRunningIncarnations())`,
    put: `const running = new Set(await deps.runs.listRunningIncarnations())
      const rows = await deps.readWorkers()`,
  },
  {
    name: 'removes an ended row while runs name it',
    find: 'finished: [...ended].filter((incarnation) => !running.has(incarnation)).slice(0, removalsMax)',
    put: 'finished: [...ended].slice(0, removalsMax)',
  },
  {
    name: 'leaves the row of a silent worker as it is',
    find: 'await deps.registry.end(incarnation)\n',
    put: '',
  },
  {
    name: 'takes a worker that fenced itself for dead',
    find: "row.ended === 'fenced'",
    put: 'row.ended === undefined',
    suites: [sweeping, 'test/adapters/worker/fencing.test.ts'],
  },
  {
    name: 'believes its thread about a worker that has beaten since',
    find: '.filter(({ incarnation, beat }) => watched.get(incarnation)?.beat === beat)',
    put: '.filter(({ incarnation }) => watched.has(incarnation))',
  },
  {
    name: 'leaves runs under an ended row alone',
    find: '.filter((incarnation) => ended.has(incarnation) || silent.has(incarnation))',
    put: '.filter((incarnation) => silent.has(incarnation))',
  },
])

const lostRuns = plantIn({ area, file: 'src/application/recovery/lost-runs.ts', suites: [sweeping] }, [
  {
    name: 'tells nobody of a task that it gave back',
    find: 'deps.announcer.announce(toRecordedTask(change, verdict.recordedAt))\n',
    put: '',
  },
  {
    name: 'stops at the first runs that cannot be recovered',
    find: 'const limit = Math.min(runsListedMax, runsPerBatch + refused.size)',
    put: 'const limit = Math.min(runsListedMax, runsPerBatch)',
  },
  {
    name: 'never looks at a head of which no run can be recovered',
    find: `if (decision.kind === 'rejected') {
      deps.headRepair.suspect(task.taskId)`,
    put: `if (decision.kind === 'rejected') {`,
  },
])

const headRepair = plantIn({ area, file: 'src/application/recovery/head-repair.ts', suites: [claiming, sweeping] }, [
  {
    name: 'never repairs a head',
    find: 'if (isSameHead(heads.get(taskId), toHead(task))) continue',
    put: 'if (task.version > 0) continue',
  },
  {
    name: 'tells nobody of a task whose head it repaired',
    find: 'announcer.announce(task)\n',
    put: '',
  },
])

const repairFunction = plantIn(
  {
    area,
    file: 'migrations/functions/repair_heads.sql',
    suites: ['test/contracts/postgres.test.ts › that is repaired'],
  },
  [
    {
      name: 'repairs a head back to where its stream was',
      find: 'where h_version[i] = (',
      put: 'where h_version[i] <= (',
    },
    {
      name: 'keeps the claim of a head that it repairs',
      find: '    claim = excluded.claim,\n',
      put: '',
    },
  ],
)

const reconciler = plantIn({ area, file: 'src/application/hints/reconciler.ts', suites: [reconciling] }, [
  {
    name: 'pushes what no live worker serves',
    find: ".filter(({ state }) => state === 'live')",
    put: '.filter(({ state }) => state.length > 0)',
    suites: [reconciling, 'test/application/hints/many-queues.test.ts'],
  },
  {
    name: 'refills a queue again and again with what is refused',
    find: 'routes = routes.filter((route) => scan.hasMore(route))\n      await waitUntilLow',
    put: 'await waitUntilLow',
  },
  {
    name: 'sets no timers for what is due soon',
    find: 'for (const due of soon) deps.announcer.announceDue(due)',
    put: '',
  },
  {
    name: 'never refills a queue that runs dry',
    find: 'await refill(served, untilMs, signal)',
    put: '',
  },
])

const dueScan = plantIn({ area, file: 'src/application/hints/due-scan.ts', suites: [reconciling] }, [
  {
    name: 'forgets the front once it walks behind it',
    find: '(await pushEach(behind, limit, (batch) => pushFronts(batch, limit))) +',
    put: '0 * behind.length +',
  },
  {
    name: 'never walks behind the front',
    find: 'else cursors.set(routeKey(route), last)',
    put: '',
  },
  {
    name: 'never comes back to the front',
    find: 'if (last === undefined || window.length < limit) cursors.delete(routeKey(route))\n    else',
    put: 'if (last === undefined) return\n    else',
  },
  {
    name: 'pushes what became ready just now',
    find: 'after: cursors.get(routeKey(route)), limit, readyForMs',
    put: 'after: cursors.get(routeKey(route)), limit, readyForMs: 0',
  },
])

const dueTimers = plantIn(
  {
    area,
    file: 'src/application/hints/due-timers.ts',
    suites: ['test/application/hints/due-timers.test.ts'],
  },
  [
    {
      name: 'sets no timer again for a task whose timer has fired',
      find: 'cancels.delete(key)\n',
      put: '',
    },
    {
      name: 'sets one timer for all instants of a task',
      find: '`${taskId} ${readyAt}`',
      put: '`${taskId} ${readyAt > 0}`',
    },
  ],
)

const steppedOver = plantIn(
  {
    area,
    file: 'src/application/recovery/stepped-over-tasks.ts',
    suites: ['test/application/recovery/stepped-over-tasks.test.ts'],
  },
  [
    {
      name: 'leaves a task with a delay to a clock that stepped back',
      find: 'else timers.set(head, head.delayMs)',
      put: '',
    },
    {
      name: 'makes a task due at once whose delay a step of the clock put off',
      find: 'else timers.set(head, head.delayMs)',
      put: 'else timers.set(head, 0)',
    },
  ],
)

const exclusiveWork = plantIn(
  {
    area,
    file: 'src/adapters/postgres/workers/exclusive-work.ts',
    suites: ['test/contracts/postgres-queue.test.ts', 'test/adapters/postgres/workers/exclusive-work.test.ts'],
  },
  [
    {
      name: 'counts a pass that failed as done',
      find: "let how: 'done' | 'failed' = 'failed'",
      put: "let how: 'done' | 'failed' = 'done'",
    },
    {
      name: 'never takes over from a process that died at its pass',
      find: 'silent: watch.findUnchanged(name, leaseMs)',
      put: 'silent: undefined',
    },
    {
      name: 'lets a clock that stepped back stop all turns',
      find: 'idle: watch.findUnchanged(name, everyMs)',
      put: 'idle: undefined',
    },
  ],
)

export const recovery = [
  ...leaseWatch,
  ...sweeper,
  ...lostRuns,
  ...headRepair,
  ...repairFunction,
  ...reconciler,
  ...dueScan,
  ...dueTimers,
  ...steppedOver,
  ...exclusiveWork,
]
