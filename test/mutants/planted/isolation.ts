import { plantIn } from '../support/mutant.ts'

const contract = 'test/contracts/isolation.test.ts'
const ofProcesses = 'test/adapters/worker/isolation/process-isolation.test.ts'
const area = 'isolation'

const life = plantIn(
  { area, file: 'src/adapters/worker/isolation/isolated-life.ts', suites: [contract, ofProcesses] },
  [
    {
      name: 'blames a task for a process that never began it',
      find: "if (this.#state === 'starting') return toThrown(new Error(message))",
      put: '',
    },
    {
      name: 'takes the death of a process for an error of the handler',
      find: "return { kind: 'crashed', error: this.#escaped ?? { name: 'Crash', message } }",
      put: 'return toThrown(new Error(message))',
    },
    {
      name: 'forgets the error that ended a process',
      find: 'this.#escaped ??= message.error',
      put: 'void message.error',
    },
    {
      name: 'lets a process stand still for ever',
      find: "this.#cause ??= `stood still for ${leaseMs} ms and was killed`\n      this.#child.kill('SIGKILL')",
      put: '',
    },
    {
      name: 'kills a process that is at work',
      find: '  #take(message: FromIsolated): void {\n    this.#silentChecks = 0',
      put: '  #take(message: FromIsolated): void {',
    },
    {
      name: 'never tells a process that its run was aborted',
      find: "this.#tell({ kind: 'abort', cause: reason instanceof AbortReason ? reason.cause : 'shutdown' })",
      put: 'void reason',
    },
    {
      name: 'tells a process of an abort without its cause',
      find: "cause: reason instanceof AbortReason ? reason.cause : 'shutdown'",
      put: "cause: 'shutdown'",
    },
    {
      name: 'lets the time limit count before the handler begins',
      find: 'this.#request.onBegun()',
      put: '',
    },
    {
      name: 'takes a message of an earlier run for one of this',
      find: 'const body = findBody(envelope, this.#order)',
      put: 'const body = findBody(envelope, this.#order) ?? findBody(envelope, this.#order - 1)',
      suites: [ofProcesses],
    },
  ],
)

const isolatedLedger = plantIn({ area, file: 'src/adapters/worker/isolation/isolated-ledger.ts', suites: [contract] }, [
  {
    name: 'records the effects of a run for another',
    find: 'ledger.complete({ ...held, result: request.result })',
    put: 'ledger.complete({ ...held, run: 1, result: request.result })',
  },
])

const processes = plantIn(
  { area, file: 'src/adapters/worker/isolation/process-isolation.ts', suites: [contract, ofProcesses] },
  [
    {
      name: 'counts a process that runs as free',
      find: 'return deps.processesMax - [...processes].filter((isolated) => !isolated.isFree()).length',
      put: 'return deps.processesMax',
    },
    {
      name: 'starts a process for each attempt',
      find: '[...processes].find((each) => each.isFree()) ?? start()',
      put: 'start()',
    },
    {
      name: 'leaves its processes behind when it closes',
      find: 'for (const isolated of processes) isolated.kill()',
      put: '',
    },
  ],
)

const serving = plantIn(
  { area, file: 'src/adapters/worker/isolation/serve-isolated-run.ts', suites: [contract, ofProcesses] },
  [
    {
      name: 'ends without saying what ended it',
      find: ": current.tell({ kind: 'escaped', error: toErrorReport(thrown) })",
      put: ': Promise.resolve()',
    },
    {
      name: 'blames a run for an error of the run before it',
      find: 'origin !== undefined && (origin.taskId !== current.origin.taskId || origin.run !== current.origin.run)',
      put: 'origin === undefined',
    },
  ],
)

export const isolation = [...life, ...isolatedLedger, ...processes, ...serving]
