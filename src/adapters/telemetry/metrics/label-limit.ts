import { other } from './instruments.ts'

/** Answers a name as a label, or `other` for one too many. */
export type LabelLimit = (name: string) => string

/**
 * Lets the first `max` names through, and those that are known always: whoever submits may invent names, and a series for
 * each would fill the memory of this process and of whatever stores its metrics.
 */
export const createLabelLimit = (known: Iterable<string>, max: number): LabelLimit => {
  const names = new Set(known)
  const most = names.size + max
  return (name) => {
    if (names.has(name)) return name
    if (names.size >= most) return other
    names.add(name)
    return name
  }
}
