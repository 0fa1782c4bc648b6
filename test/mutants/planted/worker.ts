import { plantIn } from '../support/mutant.ts'

const aborting = 'test/adapters/worker/aborting.test.ts'
const claiming = 'test/adapters/worker/claiming.test.ts'
const draining = 'test/adapters/worker/draining.test.ts'
const fencing = 'test/adapters/worker/fencing.test.ts'
const outages = 'test/adapters/worker/outages.test.ts'
const slotting = 'test/adapters/worker/slots.test.ts'
const area = 'worker'

const slots = plantIn({ area, file: 'src/adapters/worker/slots.ts', suites: [slotting] }, [
  {
    name: 'gives a slot away that a claim has',
    find: 'this.#concurrency - this.#starting - this.#handlers',
    put: 'this.#concurrency - this.#handlers',
  },
  {
    name: 'claims on while outcomes pile up',
    find: 'return Math.min(slots, this.#unrecordedMax - this.#unrecorded - this.#starting)',
    put: 'return slots',
  },
  {
    name: 'frees the slot of a handler that it gave up on',
    find: 'release(taskId: TaskId): void {\n    this.#taken.delete(taskId)',
    put: 'release(taskId: TaskId): void {\n    this.#handlers -= 1\n    this.#taken.delete(taskId)',
  },
])

const claims = plantIn(
  { area, file: 'src/adapters/worker/dispatcher.ts', suites: [claiming, fencing, draining, aborting] },
  [
    {
      name: 'begins the handler of a run that was overtaken',
      find: "slots.mode() === 'draining' || outcome.kind === 'overtaken'",
      put: "slots.mode() === 'draining'",
      suites: [outages, claiming],
    },
    {
      name: 'begins a handler while it drains',
      find: "slots.mode() === 'draining' || outcome.kind === 'overtaken'",
      put: "outcome.kind === 'overtaken'",
      suites: [draining],
    },
  ],
)

const lease = plantIn({ area, file: 'src/adapters/worker/lease/worker-lease.ts', suites: [fencing] }, [
  {
    name: 'uses its lease to the end',
    find: 'const marginShare = 0.2',
    put: 'const marginShare = 0',
  },
  {
    name: 'holds a lease for ever',
    find: '<= usableMs) return true',
    put: '<= usableMs || usableMs > 0) return true',
  },
])

const keeper = plantIn({ area, file: 'src/adapters/worker/lease/lease-keeper.ts', suites: [fencing] }, [
  {
    name: 'leaves the row of its old incarnation as it is',
    find: "await registry.end(over.incarnation, 'fenced')\n",
    put: '',
  },
  {
    name: 'says of its old incarnation that it died',
    find: "await registry.end(over.incarnation, 'fenced')",
    put: 'await registry.end(over.incarnation)',
  },
])

const intake = plantIn({ area, file: 'src/adapters/worker/prefetch/intake.ts', suites: [fencing, claiming] }, [
  {
    name: 'starts what was loaded for its old incarnation',
    find: 'if (lease !== slots.lease()) return',
    put: '',
  },
  {
    name: 'takes tasks of queues that it does not serve',
    find: 'waiting.add(startables.filter(({ task }) => lanes.serves(task.facts.submission)))',
    put: 'waiting.add(startables)',
    suites: [claiming, 'test/application/hints/many-queues.test.ts'],
  },
])

const loading = plantIn({ area, file: 'src/application/runs/task-loader.ts', suites: [claiming] }, [
  {
    name: 'hints at a task that is not due by another clock',
    find: 'deps.announcer.announce(task, now)',
    put: 'deps.announcer.announce(task)',
  },
  {
    name: 'never looks at the head of a task that it refused',
    find: '  deps.headRepair.suspect(task.taskId)\n',
    put: '',
  },
])

const waiting = plantIn(
  {
    area,
    file: 'src/adapters/worker/prefetch/waiting-tasks.ts',
    suites: ['test/adapters/worker/prefetch/waiting-tasks.test.ts', draining],
  },
  [
    {
      name: 'forgets tasks that waited too long for a slot',
      find: 'if (startable !== undefined) announcer.announce(startable.task)',
      put: '',
    },
  ],
)

const hintSource = plantIn({ area, file: 'src/adapters/worker/prefetch/hint-source.ts', suites: [outages] }, [
  {
    name: 'never goes back to a queue that answers again',
    find: '      failures = 0\n',
    put: '',
  },
  {
    name: 'never reads the heads while the queue is away',
    find: 'return failures < failuresBeforeHeads ? pull',
    put: 'return failures >= 0 ? pull',
  },
])

/** How a worker takes tasks, and under which lease. */
export const worker = [...slots, ...claims, ...lease, ...keeper, ...intake, ...loading, ...waiting, ...hintSource]
