import { distance } from 'fastest-levenshtein'

/** Two changed, missing or added letters: `CONCURENCY`, `REDIS_ULR`. */
const distanceMax = 2
/** A shorter name is as near to many an honest one. */
const lengthMin = 6

/** A variable that is set and means nothing here, and the one of ours that it looks like. */
export interface MisspeltVariable {
  readonly name: string
  readonly meant: string
}

/**
 * The variables that look like one of ours with a mistake in it: written otherwise in upper and lower case, or at most two
 * letters away. Ours that are set themselves are meant as they are, so nothing is said to look like them.
 */
export const findMisspeltVariables = (
  given: Readonly<Record<string, string | undefined>>,
  ours: readonly string[],
): readonly MisspeltVariable[] => {
  const unset = ours.filter((name) => given[name] === undefined)
  return Object.keys(given)
    .filter((name) => !ours.includes(name))
    .flatMap((name) => {
      const meant = unset.find((known) => isMisspelling(name, known))
      return meant === undefined ? [] : [{ name, meant }]
    })
}

const isMisspelling = (name: string, known: string): boolean => {
  const written = name.toUpperCase().replaceAll('-', '_')
  if (written === known || written === `TASKFOLD_${known}` || `TASKFOLD_${written}` === known) return true
  return known.length >= lengthMin && written.length >= lengthMin && distance(written, known) <= distanceMax
}
