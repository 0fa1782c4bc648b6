import type { JsonText } from '#domain/task/events.ts'
import { effectResultBytesMax } from '../ports/ledger/idempotency-ledger.ts'
import { PermanentError } from '../ports/task-handler.ts'

/**
 * What is recorded of an effect's result. Throws a PermanentError when that cannot be: the effect has happened, and would
 * happen again with every attempt.
 */
export const toResultText = (name: string, value: unknown): JsonText => {
  const text = stringify(name, value)
  if (new TextEncoder().encode(text).byteLength > effectResultBytesMax) {
    throw new PermanentError(`the result of effect ${name} weighs more than ${effectResultBytesMax} bytes`)
  }
  return text
}

const stringify = (name: string, value: unknown): JsonText => {
  if (value === undefined) return 'null'
  try {
    const text: string | undefined = JSON.stringify(value)
    if (text !== undefined) return text
  } catch (error) {
    throw new PermanentError(`the result of effect ${name} is no JSON`, { cause: error })
  }
  throw new PermanentError(`the result of effect ${name} is no JSON: a ${typeof value}`)
}
