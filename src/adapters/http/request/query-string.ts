import { toToken } from '../problems/faults.ts'
import type { Fault } from '../problems/problems.ts'

/** The query of an address. `faults` are those that no schema can find: a name given twice, text that is not UTF-8. */
export interface ParsedQuery {
  readonly values: Readonly<Record<string, string>>
  readonly faults: readonly Fault[]
}

const emptyQuery: ParsedQuery = { values: {}, faults: [] }

/** Parses the text after the `?`. The server bounds the length of the address, and so the work done here. */
export const parseQueryString = (text: string): ParsedQuery => {
  if (text === '') return emptyQuery
  // Without a prototype, `__proto__` is a name like any other.
  const values: Record<string, string> = Object.create(null)
  const faults: Fault[] = []
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = decode(equals === -1 ? '' : pair.slice(equals + 1))
    const pointer = `/query/${toToken(name ?? pair.slice(0, equals))}`
    if (name === undefined || value === undefined) {
      faults.push({ pointer, message: 'is not percent-encoded UTF-8' })
    } else if (name in values) {
      faults.push({ pointer, message: 'was given more than once' })
    } else {
      values[name] = value
    }
  }
  return { values, faults }
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
