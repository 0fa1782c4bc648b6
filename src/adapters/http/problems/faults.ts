import type { z } from 'zod'
import { type Fault, ProblemError } from './problems.ts'

/** For `safeParse`: says in our words what no schema of ours words itself. */
export const inOurWords: { readonly error: z.core.$ZodErrorMap } = {
  error: (issue) => {
    if (issue.code === 'invalid_type') {
      return issue.input === undefined ? 'is missing' : `must be ${kinds[issue.expected] ?? issue.expected}`
    }
    if (issue.code === 'invalid_value') return `must be ${issue.values.map(String).join(' or ')}`
    return undefined
  },
}

const kinds: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
}

/** The faults that a schema found, each with its JSON pointer below `base`; an unknown member is a fault of its own. */
export const toFaults = (error: z.ZodError, base: string): readonly Fault[] => {
  const faults: Fault[] = []
  for (const issue of error.issues) {
    const pointer = issue.path.reduce<string>((start, key) => `${start}/${toToken(String(key))}`, base)
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) faults.push({ pointer: `${pointer}/${toToken(key)}`, message: 'is not known here' })
    } else {
      faults.push({ pointer, message: issue.message })
    }
  }
  return faults
}

/** One token of a JSON pointer (RFC 6901). */
export const toToken = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

/** Bounds the faults that a refusal names and their pointers: a small request must not cause a large answer. */
const namedMost = { faults: 1_000, pointerCharacters: 65_536 }

/** The refusal of a request with faults; names as many of them as fit, and always the first. */
export const validationFailed = (faults: readonly Fault[], most = namedMost): ProblemError => {
  const errors: Fault[] = []
  let characters = 0
  for (const fault of faults) {
    characters += fault.pointer.length
    if (errors.length >= most.faults || (errors.length > 0 && characters > most.pointerCharacters)) break
    errors.push(fault)
  }
  const unnamed = faults.length - errors.length
  const detail = `${faults.length} fault${faults.length === 1 ? '' : 's'} in the request`
  return new ProblemError('validation-failed', unnamed === 0 ? detail : `${detail}, ${unnamed} not listed`, { errors })
}
