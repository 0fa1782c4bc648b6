import { z } from 'zod'
import { until } from './http.ts'

const body = z.object({
  status: z.enum(['ready', 'not-ready']),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string() })),
})

/** What a probe from outside sees; `silent` when no answer comes within the time of a probe. */
export type Readiness = 'ready' | 'silent' | { readonly failed: readonly string[] }

/** The time of a probe, as Kubernetes has it by default. */
const probeMs = 1_000

export const probeReadiness = async (url: string): Promise<Readiness> => {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(probeMs) })
    const { status, checks } = body.parse(await response.json())
    if ((status === 'ready') !== (response.status === 200)) throw new Error(`${status} with ${response.status}`)
    return status === 'ready' ? 'ready' : { failed: checks.filter(({ ok }) => !ok).map(({ name }) => name) }
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') return 'silent'
    throw error
  }
}

/** The ten seconds of the contract, and as many again for a machine that is busy with other tests. */
const turnMs = 20_000

export const untilReady = (url: string): Promise<Readiness> =>
  until('a green /readyz', async () => ((await probeReadiness(url)) === 'ready' ? 'ready' : undefined), turnMs)

/** Resolves with the checks that failed once `name` is among them. */
export const untilFailed = (url: string, name: string): Promise<readonly string[]> =>
  until(
    `a /readyz that fails by ${name}`,
    async () => {
      const seen = await probeReadiness(url)
      return typeof seen === 'object' && seen.failed.includes(name) ? seen.failed : undefined
    },
    turnMs,
  )

/** Resolves when a probe gets no answer. */
export const untilSilent = (url: string): Promise<Readiness> =>
  until('silence', async () => ((await probeReadiness(url)) === 'silent' ? 'silent' : undefined), turnMs)
