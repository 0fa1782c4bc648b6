import { beforeAll, describe, expect, test } from 'vitest'
import { type Findings, lintFiles } from './support/lint-files.ts'

const lines = (count: number, line: string): string => `${line}\n`.repeat(count)
const functionOf = (linesInAll: number): string =>
  `export const f = (): void => {\n${lines(linesInAll - 2, '  void 0')}}\n`
const fileOf = (linesInAll: number): string => lines(linesInAll, 'void 0')

/** A file, what stands in it, and the one rule that refuses it. */
const refused: readonly (readonly [path: string, source: string, rule: string])[] = [
  ['src/domain/date-now.ts', 'export const now = Date.now()', 'eslint(no-restricted-globals)'],
  ['src/domain/new-date.ts', 'export const now = new Date()', 'eslint(no-restricted-globals)'],
  ['src/domain/temporal.ts', 'export const now = Temporal.Now.instant()', 'eslint(no-restricted-globals)'],
  ['src/domain/random.ts', 'export const chance = Math.random()', 'eslint(no-restricted-properties)'],
  ['src/domain/random-taken.ts', 'export const { random } = Math', 'eslint(no-restricted-properties)'],

  ['src/application/date-now.ts', 'export const now = Date.now()', 'eslint(no-restricted-globals)'],
  ['src/application/new-date.ts', 'export const now = new Date()', 'eslint(no-restricted-globals)'],
  ['src/application/temporal.ts', 'export const now = Temporal.Now.instant()', 'eslint(no-restricted-globals)'],
  ['src/application/performance.ts', 'export const now = performance.now()', 'eslint(no-restricted-globals)'],
  ['src/application/timeout.ts', 'setTimeout(() => {}, 1)', 'eslint(no-restricted-globals)'],
  ['src/application/interval.ts', 'setInterval(() => {}, 1)', 'eslint(no-restricted-globals)'],
  ['src/application/immediate.ts', 'setImmediate(() => {})', 'eslint(no-restricted-globals)'],
  ['src/application/microtask.ts', 'queueMicrotask(() => {})', 'eslint(no-restricted-globals)'],
  ['src/application/deadline.ts', 'export const end = AbortSignal.timeout(1)', 'eslint(no-restricted-properties)'],
  ['src/application/global.ts', 'globalThis.setTimeout(() => {}, 1)', 'eslint(no-restricted-properties)'],
  ['src/application/random.ts', 'export const chance = Math.random()', 'eslint(no-restricted-properties)'],
  ['src/application/uuid.ts', 'export const id = crypto.randomUUID()', 'eslint(no-restricted-globals)'],
  ['src/application/crypto.ts', "export { randomUUID } from 'node:crypto'", 'eslint(no-restricted-imports)'],
  ['src/application/timers.ts', "export { setTimeout } from 'node:timers/promises'", 'eslint(no-restricted-imports)'],
  ['src/application/commands/nested.ts', 'export const now = Date.now()', 'eslint(no-restricted-globals)'],
  ['src/application/env.ts', "export const port = process.env['PORT']", 'eslint(no-restricted-globals)'],

  ['src/adapters/http/env.ts', "export const port = process.env['PORT']", 'eslint(no-restricted-properties)'],
  ['src/adapters/http/env-taken.ts', 'export const { env } = process', 'eslint(no-restricted-properties)'],
  ['src/adapters/http/env-imported.ts', "export { env } from 'node:process'", 'eslint(no-restricted-imports)'],
  ['src/bootstrap/main.ts', "export const port = process.env['PORT']", 'eslint(no-restricted-properties)'],
  ['src/bootstrap/launcher.mjs', "export const port = process.env['PORT']", 'eslint(no-restricted-properties)'],

  ['src/domain/any.ts', 'export const f = (value: any): number => value', 'typescript(no-explicit-any)'],
  ['src/domain/bang.ts', 'export const f = (v?: string): string => v!', 'typescript(no-non-null-assertion)'],
  [
    'src/domain/cast.ts',
    'export const f = (v: unknown): string => v as string',
    'typescript(consistent-type-assertions)',
  ],
  ['test/domain/cast.ts', 'export const f = (v: unknown) => v as string', 'typescript(consistent-type-assertions)'],

  ['src/adapters/http/long-function.ts', functionOf(71), 'eslint(max-lines-per-function)'],
  ['src/adapters/http/long-file.ts', fileOf(301), 'eslint(max-lines)'],
  ['test/adapters/long-file.test.ts', fileOf(301), 'eslint(max-lines)'],
]

const accepted: readonly (readonly [path: string, source: string])[] = [
  ['src/bootstrap/config.ts', "export const port = process.env['PORT']"],
  ['src/adapters/system/clock.ts', 'export const now = Date.now()'],
  ['src/adapters/system/random.ts', 'export const chance = Math.random()'],
  ['src/application/date-type.ts', 'export type When = Date'],
  ['src/application/as-const.ts', "export const kinds = ['a'] as const"],
  ['src/adapters/http/function.ts', functionOf(70)],
  ['src/adapters/http/file.ts', fileOf(300)],
  ['test/adapters/long-function.test.ts', functionOf(71)],
  ['test/adapters/clock.test.ts', 'export const now = Date.now()'],
]

describe('the linter', () => {
  let findings: Findings = new Map()
  beforeAll(async () => {
    findings = await lintFiles(Object.fromEntries([...refused, ...accepted]))
  }, 60_000)

  test.each(refused)('refuses %s', (path, _source, rule) => {
    expect(new Set(findings.get(path))).toEqual(new Set([rule]))
  })

  test.each(accepted)('accepts %s', (path) => {
    expect(findings.get(path)).toBeUndefined()
  })
})
