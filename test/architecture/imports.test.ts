import { globSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CruisedTree, cruiseTree, readRuleNames } from './support/cruise-tree.ts'
import { readSpecifiers } from './support/read-specifiers.ts'

const project = join(import.meta.dirname, '../..')
const fixtures = join(import.meta.dirname, 'fixtures')
const filesOf = (root: string): readonly string[] => globSync('src/**/*.{ts,mts,cts,js,mjs,cjs}', { cwd: root }).sort()
const distinct = (words: Iterable<string>): readonly string[] => [...new Set(words)].sort()

/** The imports of `root` that the rules never saw. */
const findUnseen = (root: string, { files }: CruisedTree): readonly string[] =>
  filesOf(root).flatMap((file) =>
    readSpecifiers(join(root, file))
      .map((specifier) => specifier.replace(/^node:/, ''))
      .filter((specifier) => !files.get(file)?.includes(specifier))
      .map((specifier) => `${file} imports ${specifier}`),
  )

describe('the layout of the sources', async () => {
  const sources = await cruiseTree(project)

  test('keeps every rule', () => {
    expect(sources.violations).toEqual([])
  })

  test('was looked at as a whole', () => {
    expect(distinct(sources.files.keys())).toEqual(filesOf(project))
    expect(sources.files.size).toBeGreaterThanOrEqual(35)
  })

  test('hides no import from the rules: `export { type A } from`, not `export type { A } from`', () => {
    expect(findUnseen(project, sources)).toEqual([])
  })
})

describe('each rule', async () => {
  const rules = await readRuleNames()

  test('has a fixture', () => {
    expect(distinct(readdirSync(join(fixtures, 'imports')))).toEqual(distinct(rules))
  })

  test.each(rules)('%s is broken by the wrong files of its fixture, and no other rule or file is', async (rule) => {
    const root = join(fixtures, 'imports', rule)
    const { violations } = await cruiseTree(root)
    const wrong = filesOf(root).filter((file) => file.includes('/wrong'))

    expect(wrong).not.toEqual([])
    expect(distinct(violations.map((violation) => violation.rule))).toEqual([rule])
    expect(distinct(violations.flatMap(({ files }) => files))).toEqual(wrong)
  })
})

describe('an import the rules cannot see', () => {
  test('is found', async () => {
    const root = join(fixtures, 'unseen')

    expect(findUnseen(root, await cruiseTree(root))).toEqual([
      'src/domain/unseen.ts imports ./a.ts',
      'src/domain/unseen.ts imports ./b.ts',
    ])
  })
})
