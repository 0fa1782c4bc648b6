/**
 * Version 1 of the Standard Schema interface, copied as https://standardschema.dev asks: validators of many libraries offer
 * it under `~standard`. `Input` is the type of a valid value, `Output` that of the validated one.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => ValidationResult<Output> | Promise<ValidationResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type ValidationResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidationIssue[] }

export interface ValidationIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

const issuesShownMax = 10
const messageCharactersMax = 2_000

/** Lists up to 10 faults on one line of up to 2,000 characters, each with its JSON pointer: `/to: Invalid email; /age: …`. */
export const describeIssues = (issues: readonly ValidationIssue[]): string => {
  const shown = issues.slice(0, issuesShownMax).map(describeIssue)
  const rest = issues.length - shown.length
  const text = (rest > 0 ? [...shown, `and ${rest} more`] : shown).join('; ')
  return text.length <= messageCharactersMax ? text : `${text.slice(0, messageCharactersMax).toWellFormed()}…`
}

const describeIssue = ({ message, path = [] }: ValidationIssue): string => {
  const pointer = path.map((part) => `/${escapePointer(String(typeof part === 'object' ? part.key : part))}`).join('')
  return pointer === '' ? message : `${pointer}: ${message}`
}

const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
