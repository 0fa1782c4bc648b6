import { plantIn } from '../support/mutant.ts'

const group = 'test/adapters/postgres/group-commit/group-commit.test.ts'
const held = 'test/adapters/postgres/group-commit/held-heads.test.ts'
const queue = 'test/adapters/postgres/group-commit/append-queue.test.ts'
const deadlines = 'test/adapters/postgres/group-commit/deadlines.test.ts'
const classes = 'test/adapters/postgres/connection/errors.test.ts'
const area = 'group commit'

const queueMutants = plantIn(
  { area, file: 'src/adapters/postgres/group-commit/append-queue.ts', suites: [group, queue] },
  [
    {
      name: 'sends two appends of a stream in one batch',
      find: 'if (streams.has(streamId)) passedBy.push(append)',
      put: 'if (streams.size < 0) passedBy.push(append)',
    },
    {
      name: 'sends a batch of any weight',
      find: 'else if (appends.length > 0 && bytes + ownBytes > bytesPerFlushMax) break',
      put: 'else if (bytesPerFlushMax < 0) break',
    },
    {
      name: 'lets any number of appends wait',
      find: 'count < appendsWaitingMax && (count === 0',
      put: 'appendsWaitingMax > 0 && (count === 0',
    },
    {
      name: 'sends an append again whose caller was told that it failed',
      find: 'const appends = batch.appends.filter(isOpen)',
      put: 'const appends = batch.appends',
    },
    {
      name: 'puts an append to the end of the line that has waited before',
      find: 'line.unshift(append)',
      put: 'line.push(append)',
      suites: [held],
    },
    {
      name: 'never makes room again for what was given up in line',
      find: 'room.free(line.splice(0, line.length, ...waiting))\n      room.take(waiting)',
      put: 'line.splice(0, line.length, ...waiting)',
      suites: [queue],
    },
  ],
)

const failureMutants = plantIn(
  { area, file: 'src/adapters/postgres/group-commit/failed-batches.ts', suites: [group, held] },
  [
    {
      name: 'forgets that an append may have been stored',
      find: "if (failure === 'unknown') append.fate = 'unknown'",
      put: '',
    },
    {
      name: 'refuses a batch that was only taken to be new',
      find: "failure === 'content' ? batch.locking === 'skip-locked' : ",
      put: "failure === 'content' ? batch.appends.length > 0 : ",
    },
    {
      name: 'waits for held heads again and again',
      find: 'locking.noteRollback()',
      put: '',
    },
    {
      name: 'sends the second half of a refused batch first',
      find: `queue.putBack({ appends: appends.slice(middle), rollbacks: 0, locking: 'skip-locked' })
    queue.putBack({ appends: appends.slice(0, middle), rollbacks: 0, locking: 'skip-locked' })`,
      put: `queue.putBack({ appends: appends.slice(0, middle), rollbacks: 0, locking: 'skip-locked' })
    queue.putBack({ appends: appends.slice(middle), rollbacks: 0, locking: 'skip-locked' })`,
    },
    {
      name: 'refuses appends because one beside them cannot be stored',
      find: 'if (first !== undefined && second === undefined) {',
      put: 'if (first !== undefined && (second === undefined || appends.length < 4)) {',
    },
    {
      name: 'refuses a batch at the first deadlock',
      find: 'const rollbacksMax = 1',
      put: 'const rollbacksMax = 0',
    },
  ],
)

const pendingMutants = plantIn(
  { area, file: 'src/adapters/postgres/group-commit/pending-appends.ts', suites: [group, held] },
  [
    {
      name: 'says that an append which is under way was not stored',
      find: "append.progress === 'sent' ? 'unknown' : append.fate",
      put: 'append.fate',
    },
    {
      name: 'tries an append whose head is held for ever',
      find: 'if (append.busyDelayMs === 0) append.deadlineAtMs',
      put: 'append.deadlineAtMs',
      suites: [deadlines],
    },
    {
      name: 'never tries an append again whose head was held',
      find: 'append.endRest = timers.after(append.busyDelayMs, () => queue.addInFront(append))',
      put: '',
      suites: [held],
    },
    {
      name: 'leaves what was given up in line',
      find: 'if (late.length > 0) queue.dropSettled()',
      put: '',
      suites: [queue],
    },
    {
      name: 'takes the time in which a handler held the process for silence of the store',
      find: 'isHeldUp(nowMs) ? []',
      put: 'isHeldUp(nowMs) && nowMs < 0 ? []',
      suites: [deadlines],
    },
  ],
)

const lockingMutants = plantIn({ area, file: 'src/adapters/postgres/group-commit/locking.ts', suites: [held] }, [
  {
    name: 'takes an append for new that may have been stored',
    find: "busyDelayMs > 0 || fate === 'unknown'",
    put: 'busyDelayMs > 0 && fate !== undefined',
  },
  {
    name: 'waits for a head that was held a moment ago',
    find: "busyDelayMs > 0 || fate === 'unknown'",
    put: "busyDelayMs < 0 || fate === 'unknown'",
  },
])

const flushMutants = plantIn(
  { area, file: 'src/adapters/postgres/group-commit/group-commit.ts', suites: [group, deadlines] },
  [
    {
      name: 'closes before its appends have their verdicts',
      find: 'await pending.whenSettled()\n',
      put: '',
    },
    {
      name: 'closes while a flush is under way',
      find: 'if (flushesInFlight === 0) return\n      lastFlush ??= Promise.withResolvers()\n      await lastFlush.promise',
      put: '',
    },
    {
      name: 'takes appends while it closes',
      find: "if (state === 'closing') return",
      put: "if (state === 'closing' && item.bytes < 0) return",
    },
    {
      name: 'has any number of flushes under way',
      find: 'if (flushesInFlight >= flushesMax || queue.size() === 0) return',
      put: 'if (flushesInFlight >= flushesMax * 8 || queue.size() === 0) return',
    },
    {
      name: 'has two flushes under way for a short queue',
      find: 'if (queue.size() < appendsOfLongQueueMin && flushesInFlight > slowFlushes.count()) return',
      put: '',
      suites: [deadlines],
    },
    {
      name: 'lets a short queue wait for a slow flush',
      find: 'count += 1\n        onSlow()',
      put: 'onSlow()',
      suites: [deadlines],
    },
    {
      name: 'takes flushes that are over for slow ones',
      find: "if (pace === 'slow') count -= 1",
      put: '',
      suites: [deadlines],
    },
    {
      name: 'gives the verdict on one append to its neighbour',
      find: 'const verdict = verdicts[index]',
      put: 'const verdict = verdicts[verdicts.length - 1 - index]',
    },
  ],
)

const errorMutants = plantIn({ area, file: 'src/adapters/postgres/connection/errors.ts', suites: [classes] }, [
  {
    name: 'takes a server that shuts down for a refusal',
    find: "new Set(['08', '53', '57', '58'])",
    put: "new Set(['08', '53', '58'])",
  },
  {
    name: 'takes a server that became read-only for a refusal',
    find: "if (state === readOnlyState) return 'not-taken'",
    put: '',
  },
  {
    name: 'takes a broken pipe for an answer of the server',
    find: "'severity' in error && 'code' in error",
    put: "'code' in error",
  },
])

export const groupCommit = [
  ...queueMutants,
  ...failureMutants,
  ...pendingMutants,
  ...lockingMutants,
  ...flushMutants,
  ...errorMutants,
]
