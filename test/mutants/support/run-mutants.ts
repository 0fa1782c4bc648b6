import { fileURLToPath } from 'node:url'
import { providePostgres } from '../../support/provide-postgres.ts'
import { provideRedis } from '../../support/provide-redis.ts'
import { type Mutant, toSuite } from './mutant.ts'
import { runSuites } from './run-suites.ts'
import { makeWorkingCopy, type WorkingCopy } from './working-copy.ts'

/** What became of one wrong version. Only `killed` is as it should be. */
export type MutantVerdict =
  | { readonly kind: 'killed'; readonly suite: string; readonly by: string }
  | { readonly kind: 'survived' }
  /** It cannot be planted, or does not even load: such a mutant shows nothing. */
  | { readonly kind: 'unusable'; readonly why: string }

export interface MutantOutcome {
  readonly mutant: Mutant
  readonly verdict: MutantVerdict
  readonly seconds: number
}

const copiesMax = 2
/** Of one file of tests. A version that makes its suite hang is noticed as well. */
const suiteTimeLimitMs = 120_000
const soundTimeLimitMs = 900_000

/**
 * Plants each mutant in a copy of the tree and asks its suites, two mutants at a time. The suites must pass without any:
 * otherwise they would kill whatever is planted.
 */
export const runMutants = async (
  mutants: readonly Mutant[],
  say: (line: string) => void,
): Promise<readonly MutantOutcome[]> => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const [postgres, redis] = await Promise.all([providePostgres(), provideRedis()])
  const environment = { TEST_DATABASE_URL: postgres.url, ...(redis && { TEST_REDIS_URL: redis.url }) }
  const copies = await Promise.all(
    Array.from({ length: Math.min(copiesMax, mutants.length) }, () => makeWorkingCopy(root)),
  )
  try {
    await expectSoundness(copies, mutants, environment)
    say(`the suites pass without a mutant; ${mutants.length} mutants follow`)
    const waiting = [...mutants]
    const outcomes: MutantOutcome[] = []
    const work = async (copy: WorkingCopy): Promise<void> => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const outcome = await judge(copy, mutant, environment)
        outcomes.push(outcome)
        say(toLine(outcome))
      }
    }
    await Promise.all(copies.map(work))
    return outcomes.toSorted((one, other) => mutants.indexOf(one.mutant) - mutants.indexOf(other.mutant))
  } finally {
    await Promise.all([...copies.map((copy) => copy.remove()), postgres.release(), redis?.release()])
  }
}

type Environment = Readonly<Record<string, string>>

const expectSoundness = async (
  [copy]: readonly WorkingCopy[],
  mutants: readonly Mutant[],
  environment: Environment,
): Promise<void> => {
  if (copy === undefined) return
  const suites = [...new Set(mutants.flatMap((mutant) => mutant.suites.map((suite) => toSuite(suite).file)))]
  const run = { folder: copy.folder, suites, environment, timeLimitMs: soundTimeLimitMs, ending: 'at-the-end' } as const
  const verdict = await runSuites(run)
  if (verdict.kind !== 'passed')
    throw new Error(`without a mutant the suites must pass: ${JSON.stringify(verdict, undefined, 2)}`)
}

const judge = async (copy: WorkingCopy, mutant: Mutant, environment: Environment): Promise<MutantOutcome> => {
  const beganAtMs = performance.now()
  const verdict = await copy
    .whilePlanted(mutant, () => askSuites(copy, mutant, environment))
    .catch((error: unknown): MutantVerdict => ({ kind: 'unusable', why: String(error) }))
  return { mutant, verdict, seconds: (performance.now() - beganAtMs) / 1_000 }
}

const askSuites = async (copy: WorkingCopy, mutant: Mutant, environment: Environment): Promise<MutantVerdict> => {
  for (const suite of mutant.suites) {
    const { file, tests } = toSuite(suite)
    const verdict = await runSuites({
      folder: copy.folder,
      suites: [file],
      tests,
      environment,
      timeLimitMs: suiteTimeLimitMs,
      ending: 'at-first-failure',
    })
    if (verdict.kind === 'failed') return { kind: 'killed', suite, by: verdict.test }
    if (verdict.kind === 'timed-out') return { kind: 'killed', suite, by: 'it hangs' }
    if (verdict.kind === 'broken') return { kind: 'unusable', why: `${suite} did not run: ${verdict.output}` }
  }
  return { kind: 'survived' }
}

const toLine = ({ mutant, verdict, seconds }: MutantOutcome): string => {
  const by = verdict.kind === 'killed' ? ` by "${verdict.by}"` : verdict.kind === 'unusable' ? `: ${verdict.why}` : ''
  return `${verdict.kind} in ${seconds.toFixed(1)} s: ${mutant.name}${by}`
}
