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

/** The error that an answer of 4xx or 5xx means. One without a problem document came from a proxy: `invalid-answer`. */
export const toRefusal = async (response: Response, taskId: string | undefined): Promise<TaskfoldError> => {
  const { status } = response
  const error = toProblemError(findJson(await response.text()), status, taskId)
  return error ?? invalidAnswer(`an answer of ${status} was no problem document`, status, taskId)
}

/** The error that a problem document means, or undefined for a value that is none. */
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

/** The error for an answer that Taskfold, or this version of it, does not give. */
export const invalidAnswer = (what: string, status?: number, taskId?: string, cause?: unknown): TaskfoldError =>
  new TaskfoldError('invalid-answer', what, { status, taskId, cause })

const looksLikeFaults = listOf(objectOf({ pointer: isText, message: isText }))
const isFaults = (value: unknown): value is readonly RequestFault[] => looksLikeFaults(value)

/** The value of a JSON text, or undefined for a text that is none. */
export const findJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
