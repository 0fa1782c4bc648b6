import type { z } from 'zod'
import type { Fault } from './problems.ts'
import { toToken } from '../request/query-string.ts'

/** The faults a schema found, each with its JSON pointer below `base`; an unknown member is a fault of its own. */
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
