import { cruise } from 'dependency-cruiser'
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'

export interface CruisedTree {
  /** Every file of the tree below `src`, with the specifiers it imports, as they stand there. */
  readonly files: ReadonlyMap<string, readonly string[]>
  readonly violations: readonly Violation[]
}

export interface Violation {
  readonly rule: string
  /** The file that broke the rule; every file of the circle when it is one. */
  readonly files: readonly string[]
  readonly to: string
}

/** Cruises the folder `src` of `root`, an absolute path, by the rules of the project. */
export const cruiseTree = async (root: string): Promise<CruisedTree> => {
  const options = await extractOptions('./.dependency-cruiser.cjs')
  const { output } = await cruise(['src'], { ...options, validate: true, baseDir: root })
  if (typeof output === 'string') throw new TypeError('a report was made where a result was asked for')
  return {
    files: new Map(
      output.modules
        .filter(({ source }) => /^src\/.*\.[cm]?[jt]s$/.test(source))
        .map(({ source, dependencies }) => [source, dependencies.map((found) => found.module.replace(/^node:/, ''))]),
    ),
    violations: output.summary.violations.map(({ rule, from, to, cycle }) => ({
      rule: rule.name,
      files: cycle === undefined ? [from] : cycle.map(({ name }) => name),
      to,
    })),
  }
}

/** The names of the rules, in the order of the configuration. */
export const readRuleNames = async (): Promise<readonly string[]> => {
  const options = await extractOptions('./.dependency-cruiser.cjs')
  return (options.ruleSet?.forbidden ?? []).map(({ name }) => name ?? 'nameless')
}
