import { plantIn } from '../support/mutant.ts'

const change = 'test/adapters/http/routes/tasks/change-task.test.ts'
const list = 'test/adapters/http/routes/tasks/list-tasks.test.ts'
const keys = 'test/adapters/http/routes/tasks/submit/idempotency-key.test.ts'
const batch = 'test/adapters/http/routes/tasks/submit/submit-batch.test.ts'
const failures = 'test/adapters/http/problems/failures.test.ts'
const headers = 'test/adapters/http/request/request-headers.test.ts'
const many = 'test/application/commands/submit-many.test.ts'
const area = 'HTTP'

const requestHeaders = plantIn(
  { area, file: 'src/adapters/http/request/request-headers.ts', suites: [change, headers] },
  [
    {
      name: 'lets a reason in a header go before one in the body',
      find: "const reason = reasonInBody ?? readText(headers, 'x-reason', reasonCharactersMax)",
      put: "const reason = readText(headers, 'x-reason', reasonCharactersMax) ?? reasonInBody",
    },
    {
      name: 'takes a weak tag for a strong one',
      find: '/(?<!W\\/)"([1-9][0-9]{0,8})"/g',
      put: '/"([1-9][0-9]{0,8})"/g',
    },
    {
      name: 'passes over a malformed condition',
      find: "if (!ifMatchPattern.test(value)) throw new ProblemError('invalid-header', 'if-match must be like \"3\", or *.')",
      put: 'if (!ifMatchPattern.test(value)) return undefined',
    },
  ],
)

const changing = plantIn({ area, file: 'src/adapters/http/routes/tasks/change-task.ts', suites: [change] }, [
  {
    name: 'acts whatever the version, if several are named',
    find: 'if (!condition.includes(found.task.version)) throw versionMismatch(found.task.version)',
    put: '',
  },
  {
    name: 'acts on the first version named',
    find: 'return found.task.version\n',
    put: 'return condition[0]\n',
  },
])

const changes = plantIn(
  {
    area,
    file: 'src/application/commands/change-task.ts',
    suites: [change, 'test/application/commands/change-task.test.ts'],
  },
  [
    {
      name: 'acts on a version that has passed',
      find: 'request.ifVersion !== undefined && state.version !== request.ifVersion',
      put: 'request.ifVersion !== undefined && state.version < request.ifVersion',
    },
    {
      name: 'gives up a change at the first lost race',
      find: `      lostAt = state.version
      continue`,
      put: '      break',
    },
    {
      name: 'never repairs a stale head that loses every race',
      find: 'if (lostAt === state.version) await repairHead(deps, state)',
      put: '',
    },
  ],
)

const submitting = plantIn({ area, file: 'src/application/commands/submit-task.ts', suites: [keys, failures] }, [
  {
    name: 'answers another request with the task of an earlier one',
    find: 'if (fingerprint !== append.key?.fingerprint) throw new KeyReusedError()',
    put: '',
  },
  {
    name: 'says that a task was not stored of which nobody knows',
    find: "error instanceof StoreUnavailableError && error.fate === 'unknown'",
    put: "error instanceof StoreUnavailableError && error.fate !== 'unknown'",
    suites: [failures],
  },
])

const fingerprints = plantIn(
  {
    area,
    file: 'src/adapters/http/routes/tasks/submit/submit-request.ts',
    suites: [keys, batch, 'test/adapters/http/routes/tasks/submit/submit-task.test.ts'],
  },
  [
    {
      name: 'gives every request the same fingerprint',
      find: '.update(canonicalize(value)).digest',
      put: '.update(typeof value).digest',
    },
    {
      name: 'gives equal requests different fingerprints by the order of their members',
      find: '.update(canonicalize(value)).digest',
      put: '.update(JSON.stringify(value)).digest',
    },
    {
      name: 'lets an instant long gone outrank every priority',
      find: 'return runAt <= now ? { delayMs: 0 } : { runAt }',
      put: 'return { runAt }',
    },
  ],
)

const batches = plantIn(
  {
    area,
    file: 'src/adapters/http/routes/tasks/submit/batch-item.ts',
    suites: [batch],
  },
  [
    {
      name: 'takes the key of an item for a part of the request',
      find: ".filter(([member]) => member !== 'idempotencyKey')",
      put: '',
    },
  ],
)

const manySubmissions = plantIn({ area, file: 'src/application/commands/submit-many.ts', suites: [many] }, [
  {
    name: 'sends equal keys of a batch side by side',
    find: 'if (name !== undefined && seen.has(name)) others.push(append)',
    put: 'if (name !== undefined && seen.size < 0) others.push(append)',
  },
])

const problems = plantIn({ area, file: 'src/adapters/http/problems/to-problem.ts', suites: [failures] }, [
  {
    name: 'answers what cannot be stored as if the server had failed',
    find: "if (error instanceof UnstorableAppendError) return refuseAt('', error)",
    put: '',
  },
  {
    name: 'answers an overload as if the server had failed',
    find: 'if (error instanceof StoreOverloadedError) {',
    put: 'if (error instanceof StoreOverloadedError && error.message === "") {',
  },
])

const lists = plantIn({ area, file: 'src/application/queries/list-tasks.ts', suites: [list] }, [
  {
    name: 'ends the walk of a filtered list early',
    find: 'heads.length < headsMax && task === loaded.tasks.at(-1) ? undefined : last',
    put: 'heads.length < headsMax ? undefined : last',
  },
  {
    name: 'ends the walk at a page that matched nothing',
    find: '  return { tasks, now, next: last }\n',
    put: '  return { tasks, now, next: tasks.length === 0 ? undefined : last }\n',
  },
  {
    name: 'lists a task that has changed since its head was read',
    find: '(filter.status === undefined || task.status === filter.status) &&',
    put: '(filter.status === undefined || filter.tag === undefined || task.status === filter.status) &&',
  },
])

export const http = [
  ...requestHeaders,
  ...changing,
  ...changes,
  ...submitting,
  ...fingerprints,
  ...batches,
  ...manySubmissions,
  ...problems,
  ...lists,
]
