/**
 * Version 1 of the Standard Schema interface, as https://standardschema.dev asks to have it copied: what a validator of any
 * library offers under `~standard`. `Input` is what may be given, `Output` what the validator makes of it.
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

/** The faults of a payload on one line, each with the JSON pointer of its place: `/to: Invalid email; /age: …`. Capped. */
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
