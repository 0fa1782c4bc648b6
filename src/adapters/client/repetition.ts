const backOffBaseMs = 100
const backOffMaxMs = 2_000

/** How long to wait before the next repetition, the first being 0: doubling, capped, and no two clients in step. */
export const backOffMs = (repetition: number, random: number): number =>
  Math.min(backOffMaxMs, backOffBaseMs * 2 ** Math.min(repetition, 10)) * (0.5 + random / 2)

/** The wait that `Retry-After` asks for in seconds; undefined without one. Taskfold sends no dates. */
export const findRetryAfterMs = (retryAfter: string | null): number | undefined =>
  retryAfter !== null && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined

/** By these a connection was never made, so that nothing can have been done at the other end. */
const unsentCodes = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']

/** Whether what `fetch` threw means that the request never left. */
export const wasNeverSent = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && unsentCodes.includes(String(Reflect.get(cause, 'code')))
}
