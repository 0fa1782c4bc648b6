/** One wrong version of the product: a change of one place of one file. */
export interface Mutant {
  /** What the wrong version does; unique. */
  readonly name: string
  readonly area: string
  /** From the root of the repository. */
  readonly file: string
  /** Text that the file has exactly once, and what stands there in its place. */
  readonly find: string
  readonly put: string
  /**
   * Files of tests that are asked in turn, the cheapest first, until one fails. `file › name`: those tests of it alone whose
   * names have that in them.
   */
  readonly suites: readonly string[]
}

/** What the mutants of one file have in common. */
interface Bed {
  readonly area: string
  readonly file: string
  /** Asked for those that name none of their own. */
  readonly suites: readonly string[]
}

type Seed = Pick<Mutant, 'name' | 'find' | 'put'> & { readonly suites?: readonly string[] }

export const plantIn = (bed: Bed, seeds: readonly Seed[]): readonly Mutant[] =>
  seeds.map(({ name, find, put, suites = bed.suites }) => ({ name, find, put, suites, area: bed.area, file: bed.file }))

/** The text of a file with the mutant in it. Throws where the place is not there exactly once: the code has moved. */
export const mutate = ({ name, find, put, file }: Omit<Mutant, 'area' | 'suites'>, text: string): string => {
  const places = text.split(find).length - 1
  if (places !== 1) throw new Error(`mutant ${name}: its text is ${places} times in ${file}, not once`)
  if (find === put) throw new Error(`mutant ${name} changes nothing`)
  return text.replace(find, () => put)
}

/** The file of a suite, and the tests of it that are asked. */
export const toSuite = (suite: string): { readonly file: string; readonly tests: string | undefined } => {
  const [file = '', tests] = suite.split(' › ')
  return { file, tests }
}
