import { TaskfoldError, type RequestFault } from './errors.ts'
import { isText, listOf, memberOf, objectOf } from './shape.ts'

/** The parsed body of a good answer. Throws TaskfoldError `invalid-answer` when it is no JSON. */
export const parseAnswer = async (response: Response, taskId: string | undefined): Promise<unknown> => {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalidAnswer('an answer was no JSON', response.status, taskId, error)
  }
}

/** The error that an answer of 4xx or 5xx means; one without a problem document came from somewhere on the way. */
export const toRefusal = async (response: Response, taskId: string | undefined): Promise<TaskfoldError> => {
  const problem = parseOrUndefined(await response.text())
  return toProblemError(problem, response.status, taskId) ?? notTaskfolds(response.status, taskId)
}

/** The error that a problem document means, or undefined for what is none. */
export const toProblemError = (problem: unknown, status: number, taskId?: string): TaskfoldError | undefined => {
  const code = memberOf(problem, 'code')
  if (typeof code !== 'string') return undefined
  const detail = memberOf(problem, 'detail')
  const errors = memberOf(problem, 'errors')
  const named = memberOf(problem, 'taskId')
  return new TaskfoldError(code, typeof detail === 'string' ? detail : code, {
    status,
    errors: isFaults(errors) ? errors : [],
    taskId: typeof named === 'string' ? named : taskId,
  })
}

/** For an answer that is none of Taskfold's, or none of this version's. */
export const invalidAnswer = (what: string, status?: number, taskId?: string, cause?: unknown): TaskfoldError =>
  new TaskfoldError('invalid-answer', what, { status, taskId, cause })

const notTaskfolds = (status: number, taskId: string | undefined): TaskfoldError =>
  invalidAnswer(`an answer of ${status} was no problem document`, status, taskId)

const looksLikeFaults = listOf(objectOf({ pointer: isText, message: isText }))
const isFaults = (value: unknown): value is readonly RequestFault[] => looksLikeFaults(value)

const parseOrUndefined = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
