import { z } from 'zod'
import { type ProblemError, problems } from './problems.ts'

/** The media type of every refusal (RFC 9457). */
export const problemMediaType = 'application/problem+json'

/** The problem document. `traceId` is that of the request's trace, if it came with one. */
export const renderProblem = (problem: ProblemError, traceId: string | undefined): string => {
  const { status, title } = problems[problem.code]
  const { errors = [], taskId } = problem.members
  return JSON.stringify({
    type: `urn:taskfold:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    errors,
    traceId: traceId ?? null,
    taskId,
  })
}

/** The schema of `renderProblem`, for the reference. */
export const problemView = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(z.strictObject({ pointer: z.string(), message: z.string() })),
    traceId: z.string().nullable(),
    taskId: z
      .uuid()
      .optional()
      .meta({ description: 'The task of a submission whose fate is unknown, or of a history that cannot be read.' }),
  })
  .meta({ id: 'Problem', description: 'A refusal (RFC 9457).' })
