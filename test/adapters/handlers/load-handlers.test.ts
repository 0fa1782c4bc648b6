import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadInProcess } from './support/load-in-process.ts'

const builtIn = ['demo.echo', 'demo.sleep', 'demo.fail', 'http.request', 'email.send']

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskfold-handlers-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

const taskOf = (type: string): string =>
  `import { defineTask } from 'taskfold'\nexport const task = defineTask({ type: '${type}', run: () => '${type}' })\n`

const load = (...modules: readonly string[]) => loadInProcess({ modules, cwd: folder })

describe('a handler module', () => {
  test('anywhere on disk gets the running taskfold and zod, and is TypeScript', async () => {
    const text = `
      import { AbortReason, defineTask, PermanentError, RetryAfterError, type HandlerContext } from 'taskfold'
      import { z } from 'zod'
      import * as mini from 'zod/mini'
      const end: number = 1
      export const ends = defineTask({ type: 'ends', input: z.object({ n: z.number() }), run: ({ n }: { n: number }) => n + end })
      export default defineTask({ type: 'gives.up', input: mini.string(), run: () => { throw new PermanentError('no') } })
      export const later = defineTask({ type: 'later', run: (_: unknown, ctx: HandlerContext) => { throw new RetryAfterError(ctx.attempt) } })
      export const something = 'else'
      export const sameAgain = later
      void AbortReason
    `
    await write({ 'deep/down/mine.ts': text })

    const loaded = await loadInProcess({
      modules: ['deep/down/mine.ts'],
      cwd: folder,
      run: [
        { type: 'ends', payload: { n: 41 } },
        { type: 'ends', payload: {} },
        { type: 'gives.up', payload: '' },
        { type: 'later', attempt: 7 },
      ],
    })

    expect(loaded.mistakes).toEqual([])
    expect(new Set(loaded.types)).toEqual(new Set([...builtIn, 'ends', 'gives.up', 'later']))
    expect(loaded.outcomes).toMatchObject([
      { result: 42 },
      { error: { name: 'PayloadInvalidError' } },
      { error: { name: 'PermanentError', message: 'no', kind: 'permanent' } },
      { error: { name: 'RetryAfterError', kind: 'retry-after', message: 'asked to be tried again after 7 ms' } },
    ])
  })

  test('may be named by a relative or absolute path, or by a URL', async () => {
    await write({ 'a.mjs': taskOf('a'), 'b.ts': taskOf('b'), 'c d.js': taskOf('c') })

    const { types } = await load('./a.mjs', join(folder, 'b.ts'), pathToFileURL(join(folder, 'c d.js')).href, 'a.mjs')

    expect(types).toEqual([...builtIn, 'a', 'b', 'c'])
  })

  test('may be CommonJS', async () => {
    await write({
      'old.cjs': `const { defineTask } = require('taskfold')\nexports.old = defineTask({ type: 'old', run: () => 1 })\n`,
    })

    expect((await load('old.cjs')).types).toEqual([...builtIn, 'old'])
  })

  test.each([
    ['the whole of its exports', "module.exports = defineTask({ type: 'old', run: () => 1 })"],
    [
      'a member that Node finds only when it runs',
      "module.exports = Object.fromEntries([['old', defineTask({ type: 'old', run: () => 1 })]])",
    ],
    [
      'what a compiler makes of a default export',
      "Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = defineTask({ type: 'old', run: () => 1 })",
    ],
    [
      'the default export that a compiler assigns late',
      "const made = { default: defineTask({ type: 'old', run: () => 1 }) }\nmodule.exports = made",
    ],
  ])('may be CommonJS whose task is %s', async (_, text) => {
    await write({ 'old.cjs': `const { defineTask } = require('taskfold')\n${text}\n` })
    expect(await load('old.cjs')).toMatchObject({ mistakes: [], types: [...builtIn, 'old'] })
  })

  test('may hold its tasks in an object that it exports by default', async () => {
    const text = `
      import { defineTask } from 'taskfold'
      export default { a: defineTask({ type: 'a', run: () => 1 }), b: defineTask({ type: 'b', run: () => 1 }), c: 7 }
    `
    await write({ 'mine.ts': text })
    expect(await load('mine.ts')).toMatchObject({ mistakes: [], types: [...builtIn, 'a', 'b'] })
  })

  test.each([
    ['./x.js', 'x.ts'],
    ['./x.mjs', 'x.mts'],
    ['./x', 'x.ts'],
    ['./x', 'x/index.ts'],
  ])('that imports %s where there is %s is told so', async (imported, there) => {
    await write({ 'mine.ts': `import '${imported}'\n${taskOf('a')}`, [there]: 'export {}\n' })
    expect((await load('mine.ts')).mistakes).toEqual([
      expect.stringContaining(`the file is called ${there}, and Node wants the name as it is`),
    ])
  })

  test('that is named x.js where there is x.ts is told so', async () => {
    await write({ 'x.ts': taskOf('a') })
    expect((await load('./x.js')).mistakes).toEqual([
      'HANDLERS: ./x.js could not be loaded: there is no such file or folder; there is x.ts',
    ])
  })

  test('may be a package, which keeps a zod of its own', async () => {
    const own = `export const z = '~standard' // not a function`
    const text = `import { z } from 'zod'\n${taskOf('packed')}export const zod = defineTask({ type: 'zod.' + typeof z, run: () => 1 })`
    await write({
      'node_modules/@my/tasks/package.json': '{"type":"module","exports":{".":{"import":"./main.js"}}}',
      'node_modules/@my/tasks/main.js': text,
      'node_modules/@my/tasks/node_modules/zod/package.json': '{"type":"module","exports":"./zod.js"}',
      'node_modules/@my/tasks/node_modules/zod/zod.js': own,
      'node_modules/plain/package.json': '{"type":"module","main":"./main.js"}',
      'node_modules/plain/main.js': text.replaceAll('packed', 'plain').replace("'zod.' +", "'plain.' +"),
    })

    expect((await load('@my/tasks', 'plain')).types).toEqual([
      ...builtIn,
      'packed',
      'zod.string',
      'plain',
      'plain.object',
    ])
  })

  test('may be several in a folder, in it or one below, each called tasks', async () => {
    await write({
      'all/tasks.ts': taskOf('a'),
      'all/one/tasks.mjs': taskOf('b'),
      'all/two/tasks.js': taskOf('c'),
      'all/two/other.ts': taskOf('not.this'),
      'all/two/deeper/tasks.ts': taskOf('nor.this'),
      'all/node_modules/tasks.ts': taskOf('nor.that'),
      'all/three/README.md': '',
    })

    expect(new Set((await load('all/')).types)).toEqual(new Set([...builtIn, 'a', 'b', 'c']))
  })
})

describe('the start stops with one line when a module', () => {
  const lineOf = async (entry: string): Promise<string> => {
    const { mistakes } = await load(entry)
    expect(mistakes).toHaveLength(1)
    expect(mistakes[0]).not.toMatch(/\n| {4}at /)
    return mistakes[0] ?? ''
  }

  test.each([
    ['is not there', 'none.ts', 'HANDLERS: none.ts could not be loaded: there is no such file or folder'],
    ['is not there', './none', 'HANDLERS: ./none could not be loaded: there is no such file or folder'],
    [
      'is no package',
      'none',
      'HANDLERS: none could not be loaded: there is no such file or folder, nor such a package to import in $',
    ],
    ['is no URL of a file', 'file://a/b', 'HANDLERS: file://a/b is no URL of a file'],
  ])('%s', async (_what, entry, line) => {
    expect(await lineOf(entry)).toBe(line.replace('$', folder))
  })

  test.each([
    [
      'has a mistake of syntax',
      'a.mjs',
      'export const a = 1\nconst b = = 2\n',
      /^SyntaxError: Unexpected token '=' \(\$\/a.mjs:2\)$/,
    ],
    ['has a mistake of syntax', 'a.ts', 'const a: number = 1\nconst b: = 2\n', /^SyntaxError: .* \(\$\/a.ts:2\)$/],
    [
      'has what cannot be stripped',
      'a.ts',
      '\nenum A { x }\n',
      /^SyntaxError: TypeScript enum is not supported in strip-only mode \(\$\/a.ts:2\)$/,
    ],
    [
      'imports what is not there',
      'a.ts',
      "import 'no-such-package'\n",
      /^Cannot find package 'no-such-package' imported from \$\/a.ts$/,
    ],
    [
      'imports a name that is not there',
      'a.ts',
      "\nimport { nope } from 'taskfold'\nnope()\n",
      /^SyntaxError: .* does not provide an export named 'nope' \(\$\/a.ts:2\)$/,
    ],
    ['throws', 'a.ts', "\n\nthrow new TypeError('so\\n  it is')\n", /^TypeError: so it is \(\$\/a.ts:3\)$/],
    ['throws what is no error', 'a.ts', "throw 'a string'\n", /^it threw a string$/],
    [
      'defines a task wrongly',
      'a.ts',
      "import { defineTask } from 'taskfold'\n\nexport const a = defineTask({ type: 'a', timeoutMs: 0, run: () => 1 })\n",
      /^RangeError: defineTask a: timeoutMs must be a whole number from 1 to 86400000 \(\$\/a.ts:3\)$/,
    ],
  ])('%s: %s', async (_what, file, text, pattern) => {
    await write({ [file]: text })
    const line = await lineOf(file)

    expect(line).toMatch(/^HANDLERS: a\.m?ts could not be loaded: |^HANDLERS: a\.mjs could not be loaded: /)
    expect(line.replace(/^.*? could not be loaded: /, '').replaceAll(folder, '$')).toMatch(pattern)
  })

  test('is TypeScript below node_modules', async () => {
    await write({ 'node_modules/typed/package.json': '{"main":"./a.ts"}', 'node_modules/typed/a.ts': taskOf('a') })

    expect(await lineOf('typed')).toBe(
      'HANDLERS: typed could not be loaded: Node strips no types below node_modules: name a JavaScript file',
    )
  })

  test.each(['export const a = 1\n', 'export const a = { type: "a", defaults: {}, run: () => 1 }\n', ''])(
    'exports no task: %j',
    async (text) => {
      await write({ 'a.mjs': text })

      expect(await lineOf('a.mjs')).toBe('HANDLERS: a.mjs exports no task: export what defineTask returns')
    },
  )

  test('is a folder without one', async () => {
    await write({ 'all/other.ts': taskOf('a') })

    expect(await lineOf('all')).toMatch(/^HANDLERS: the folder all holds no task module: it is called tasks\.ts/)
  })
})

describe('a task type that is defined twice', () => {
  test('stops the start: in one module, in two, and against a built-in one', async () => {
    const twice = `${taskOf('a')}export const again = defineTask({ type: 'a', run: () => 2 })\n`
    await write({ 'a.ts': twice, 'b.ts': taskOf('b'), 'c.ts': taskOf('b'), 'd.ts': taskOf('demo.echo') })

    expect((await load('a.ts', 'b.ts', 'c.ts', 'd.ts', 'none.ts')).mistakes).toEqual([
      'HANDLERS: a.ts defines the task type a twice',
      'HANDLERS: c.ts defines the task type b, which b.ts defines too',
      'HANDLERS: d.ts defines the task type demo.echo, which taskfold itself defines too',
      'HANDLERS: none.ts could not be loaded: there is no such file or folder',
    ])
  })
})
