import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startExampleScript } from './support/example-script.ts'
import { loadInProcess } from './support/load-in-process.ts'

const examples = join(import.meta.dirname, '../../../examples')
const submission = z.object({
  type: z.string(),
  payload: z.record(z.string(), z.unknown()),
  runAt: z.string().optional(),
})

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskfold-examples-'))
  await cp(examples, folder, { recursive: true })
  await Promise.all(
    ['report/output', 'nightly-clean-up/uploads'].map((made) =>
      rm(join(folder, made), { recursive: true, force: true }),
    ),
  )
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What the README of an example has people submit. */
const readSubmission = async (example: string): Promise<z.output<typeof submission>> => {
  const text = await readFile(join(examples, example, 'README.md'), 'utf8')
  const [, body = ''] = / -d '(.*)'$/m.exec(text) ?? []
  return submission.parse(JSON.parse(body.replace(/'\$\(.*\)'/, new Date(0).toISOString())))
}

const run = (task: { readonly type: string; readonly payload: unknown; readonly attempt?: number }, settings = {}) =>
  loadInProcess({ modules: [folder], cwd: folder, run: [task], ...settings })

describe('each example', async () => {
  const names = (await readdir(examples, { withFileTypes: true }))
    .filter((item) => item.isDirectory())
    .map(({ name }) => name)

  test.each(names)('%s is told in some ten lines that name only files which are there', async (name) => {
    const text = await readFile(join(examples, name, 'README.md'), 'utf8')

    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(12)
    for (const [path] of text.matchAll(/examples\/[\w/-]+\.ts\b/g)) {
      await expect(readFile(join(examples, '..', path))).resolves.toBeDefined()
    }
  })

  test.each(names)('%s submits a type that is there once the folder is loaded', async (name) => {
    const { types, mistakes } = await loadInProcess({ modules: [folder], cwd: folder })

    expect(mistakes).toEqual([])
    expect(types).toContain((await readSubmission(name)).type)
  })
})

test('the example of an e-mail shows it in the first terminal', async () => {
  await using server = await startExampleScript(join(examples, 'email/mail-server.ts'))

  const { outcomes } = await run(await readSubmission('email'), { smtpUrl: server.url })

  expect(outcomes).toMatchObject([{ result: { accepted: ['ada@example.org'], rejected: [] } }])
  await expect.poll(server.said).toContain('Sent by a task.')
  expect(server.said()).toContain('mail for ada@example.org')
})

test('the example of a webhook is refused twice and then accepted', async () => {
  await using server = await startExampleScript(join(examples, 'webhook/receiver.ts'))
  const { type, payload } = await readSubmission('webhook')
  expect(payload.url).toBe('http://127.0.0.1:4000/hooks')
  const task = { type, payload: { ...payload, url: `${server.url}/hooks` } }

  const { outcomes } = await loadInProcess({
    modules: [folder],
    cwd: folder,
    httpTargetAllow: ['127.0.0.1'],
    run: [1, 2, 3].map((attempt) => ({ ...task, attempt })),
  })

  expect(outcomes).toMatchObject([
    { error: { kind: 'retry-after' } },
    { error: { kind: 'retry-after' } },
    { result: { status: 200, body: 'thank you' } },
  ])
  await expect.poll(server.said).toBe('attempt 1: refused\nattempt 2: refused\nattempt 3: accepted')
})

describe('the example of a report', () => {
  test('sums its file by region', async () => {
    const { outcomes } = await run(await readSubmission('report'))

    expect(outcomes).toMatchObject([{ result: { rows: 240, regions: 4 } }])
    const report = await readFile(join(folder, 'report/output/by-region-sales.csv'), 'utf8')
    const sales = (await readFile(join(folder, 'report/sales.csv'), 'utf8')).trimEnd().split('\n').slice(1)
    const total = (rows: readonly string[]) =>
      rows.reduce((cents, row) => cents + Math.round(Number(row.split(',').at(-1)) * 100), 0)
    expect(report).toMatch(/^region,amount\nEast,\d+\.\d\d\nNorth,\d+\.\d\d\nSouth,\d+\.\d\d\nWest,\d+\.\d\d\n$/)
    expect(total(report.trimEnd().split('\n').slice(1))).toBe(total(sales))
    expect(await readdir(join(folder, 'report/output'))).toEqual(['by-region-sales.csv'])
  })

  test('gives up on a file that is another one', async () => {
    await writeFile(join(folder, 'report/bad.csv'), 'date,region,amount\n2026-01-01,North,much\n')
    const { outcomes } = await run({ type: 'report.sales-by-region', payload: { file: 'bad.csv' } })

    expect(outcomes).toMatchObject([{ error: { kind: 'permanent', message: 'line 2 is not date,region,amount' } }])
  })

  test('reads no other folder', async () => {
    const { outcomes } = await run({ type: 'report.sales-by-region', payload: { file: '../x.csv' } })

    expect(outcomes).toMatchObject([{ error: { name: 'PayloadInvalidError' } }])
  })
})

test('the example of a clean-up removes old files, keeps new ones, and comes when it is due', async () => {
  const uploads = join(folder, 'nightly-clean-up/uploads')
  await mkdir(join(uploads, 'folder'), { recursive: true })
  await Promise.all(['old', 'new'].map((name) => writeFile(join(uploads, name), '')))
  await utimes(join(uploads, 'old'), 0, 0)
  const task = await readSubmission('nightly-clean-up')

  const { outcomes } = await run(task)

  expect(task.runAt).toBeDefined()
  expect(outcomes).toEqual([{ result: { removed: 1, kept: 1 } }])
  expect((await readdir(uploads)).toSorted()).toEqual(['folder', 'new'])
})
