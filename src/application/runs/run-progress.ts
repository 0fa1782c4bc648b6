import type { Run, TaskId } from '#domain/identifiers.ts'
import type { JsonText } from '#domain/task/events.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import type { ProgressWriter } from './progress-writer.ts'

/** Of one report, as UTF-8 text. */
const progressBytesMax = 4_096

interface Deps {
  readonly writer: Pick<ProgressWriter, 'report'>
  readonly logger: Logger
}

/**
 * `HandlerContext.progress` of one run. A value that is no JSON, or too large, is dropped and logged once a run: a handler
 * does not fail for a report about itself.
 */
export const createRunProgress = (
  { writer, logger }: Deps,
  { taskId, run }: { readonly taskId: TaskId; readonly run: Run },
): ((value: unknown) => void) => {
  let refused: 'none' | 'some' = 'none'
  return (value) => {
    const text = findText(value)
    if (text !== undefined) return writer.report({ taskId, run, value: text })
    if (refused === 'none') logger.warn({ taskId, run }, 'progress was left out: it is no JSON or too large')
    refused = 'some'
  }
}

const findText = (value: unknown): JsonText | undefined => {
  try {
    const text: string | undefined = value === undefined ? 'null' : JSON.stringify(value)
    const fits = text !== undefined && text.length <= progressBytesMax
    return fits && new TextEncoder().encode(text).byteLength <= progressBytesMax ? text : undefined
  } catch {
    return undefined
  }
}
