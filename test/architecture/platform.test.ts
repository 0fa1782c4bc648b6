import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { project, runTool } from './support/run-tool.ts'

const fixture = join(import.meta.dirname, 'fixtures/platform-in-domain')

describe('the domain', () => {
  let errors: readonly string[] = []
  beforeAll(async () => {
    const output = await runTool('tsc', ['-p', '.', '--pretty', 'false'], fixture)
    errors = output.split('\n').filter((line) => line.includes('error TS'))
  }, 60_000)

  const errorsOf = (file: string): readonly string[] => errors.filter((line) => line.startsWith(`src/${file}.ts(`))

  test.each([
    ['process', 'process'],
    ['timeout', 'setTimeout'],
    ['interval', 'setInterval'],
    ['console', 'console'],
    ['builtin', 'node:fs'],
    ['buffer', 'Buffer'],
    ['fetch', 'fetch'],
    ['crypto', 'crypto'],
    ['performance', 'performance'],
  ])('does not compile with what the platform gives: %s', (file, name) => {
    expect(errorsOf(file)).toEqual([expect.stringMatching(`error TS2\\d+: Cannot find .*'${name}'`)])
  })

  test('compiles with the language alone', () => {
    expect(errorsOf('right')).toEqual([])
  })

  test('compiles', async () => {
    expect(await runTool('tsc', ['-p', 'src/domain', '--pretty', 'false'], project)).toBe('')
  }, 60_000)
})
