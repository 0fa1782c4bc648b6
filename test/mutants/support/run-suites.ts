import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

/** `broken`: the suite could not be run at all, which says nothing about what its tests would notice. */
export type SuiteVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly test: string; readonly why: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'broken'; readonly output: string }

interface SuiteRun {
  readonly folder: string
  readonly suites: readonly string[]
  /** What the names of the tests have in common; undefined: all of them. */
  readonly tests?: string | undefined
  readonly environment: Readonly<Record<string, string>>
  readonly timeLimitMs: number
  /** Whether the first failed test ends the run. */
  readonly ending: 'at-first-failure' | 'at-the-end'
}

const reportSchema = z.object({
  numPassedTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()) }),
      ),
    }),
  ),
})

const outputCharsShown = 2_000
/** A test that fails once by chance, on a busy machine, is no verdict. */
const retriesMax = 1

/** Runs files of tests in a process of their own, which is killed with all that it started when its time is over. */
export const runSuites = async (run: SuiteRun): Promise<SuiteVerdict> => {
  const report = join(run.folder, 'report.json')
  await rm(report, { force: true })
  const { end, output } = await runVitest(run, report)
  if (end === 'timed-out') return { kind: 'timed-out' }
  const text = await readFile(report, 'utf8').catch(() => undefined)
  if (text === undefined) return { kind: 'broken', output: output.slice(-outputCharsShown) }
  const { numPassedTests, testResults } = reportSchema.parse(JSON.parse(text))
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed')
  if (failed !== undefined) return { kind: 'failed', test: failed.fullName, why: failed.failureMessages.join('\n') }
  const isWhole = numPassedTests > 0 && testResults.every(({ status }) => status === 'passed')
  if (!isWhole) return { kind: 'broken', output: output.slice(-outputCharsShown) }
  return end === 0 ? { kind: 'passed' } : { kind: 'failed', test: 'an error outside of all tests', why: output }
}

const runVitest = async (run: SuiteRun, report: string) => {
  const bail = run.ending === 'at-first-failure' ? ['--bail', '1'] : []
  const retry = ['--retry', `${retriesMax}`]
  const tests = run.tests === undefined ? [] : ['--testNamePattern', run.tests]
  const child = spawn(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter',
      'json',
      '--outputFile',
      report,
      ...bail,
      ...retry,
      ...tests,
      ...run.suites,
    ],
    { cwd: run.folder, env: { ...process.env, ...run.environment }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-outputCharsShown * 2)
    })
  }
  const stopped = new AbortController()
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', resolve)
    child.once('error', () => resolve(null))
  })
  const timedOut = sleep(run.timeLimitMs, 'timed-out' as const, { signal: stopped.signal }).catch(
    () => 'timed-out' as const,
  )
  const end = await Promise.race([ended, timedOut])
  stopped.abort()
  killGroup(child.pid)
  return { end, output }
}

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
