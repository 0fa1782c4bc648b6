/** How much a finding matters: `trouble` harms now or soon, `warning` may. */
export type Severity = 'ok' | 'warning' | 'trouble'

/** The result of one check. */
export interface Finding {
  /** Stable, for programs; docs/deployment.md names each. */
  readonly code: string
  readonly severity: Severity
  /** What was seen, for a person, without secrets. */
  readonly what: string
  /** Advice, for a person; undefined when `severity` is `ok`. */
  readonly toDo: string | undefined
}

export const ok = (code: string, what: string): Finding => ({ code, severity: 'ok', what, toDo: undefined })

export const warning = (code: string, what: string, toDo: string): Finding => ({
  code,
  severity: 'warning',
  what,
  toDo,
})

export const trouble = (code: string, what: string, toDo: string): Finding => ({
  code,
  severity: 'trouble',
  what,
  toDo,
})

/** The worst severity among the findings. */
export const severityOf = (findings: readonly Finding[]): Severity => {
  if (findings.some(({ severity }) => severity === 'trouble')) return 'trouble'
  return findings.some(({ severity }) => severity === 'warning') ? 'warning' : 'ok'
}

const namedMax = 5

/** The first few of a list, and how many more there are. */
export const nameSome = (names: readonly string[]): string =>
  names.length <= namedMax
    ? names.join(', ')
    : `${names.slice(0, namedMax).join(', ')} and ${names.length - namedMax} more`
