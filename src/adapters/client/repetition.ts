const backOffBaseMs = 100
const backOffMaxMs = 2_000

/** How long to wait before a repetition, from 0 on: doubling, capped, half of it random so that clients spread out. */
export const backOffMs = (repetition: number, random: number): number =>
  Math.min(backOffMaxMs, backOffBaseMs * 2 ** Math.min(repetition, 10)) * (0.5 + random / 2)

/** The wait that `Retry-After` asks for in seconds; undefined without one. Taskfold sends no dates. */
export const findRetryAfterMs = (retryAfter: string | null): number | undefined =>
  retryAfter !== null && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined

/** Codes of errors by which no connection was made, so that the server has done nothing. */
const unsentCodes = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']

/** Whether an error of `fetch` means that the request was never sent. */
export const wasNeverSent = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && unsentCodes.includes(String(Reflect.get(cause, 'code')))
}
