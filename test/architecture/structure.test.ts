import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Breach, readBreaches } from './support/read-breaches.ts'

const project = join(import.meta.dirname, '../..')
const fixture = join(import.meta.dirname, 'fixtures/structure')
const rules = ['names-what-it-hands-on', 'depends-on-few', 'one-type-a-name'] as const
const filesPerFolderMax = 20

const filesOf = (root: string): readonly string[] => globSync('src/**/*.{ts,mjs}', { cwd: root }).sort()
const distinct = (words: readonly string[]): readonly string[] => [...new Set(words)].sort()

/** The folders that hold more files than one takes in at a glance. Files in folders below do not count. */
const findCrowded = (files: readonly string[]): readonly string[] =>
  [...Map.groupBy(files, (file) => dirname(file))]
    .filter(([, held]) => held.length > filesPerFolderMax)
    .map(([folder]) => folder)

describe('the structure of the sources', () => {
  let breaches: readonly Breach[] = []
  beforeAll(() => {
    // Without the tests: their types take as long again to load.
    breaches = readBreaches(project, join(import.meta.dirname, 'sources.tsconfig.json'))
  }, 120_000)

  test.each(rules)('keeps the rule: %s', (rule) => {
    const broken = breaches.filter((breach) => breach.rule === rule)

    expect(broken.map(({ file, what }) => `${file}: ${what}`)).toEqual([])
  })

  test('puts at most twenty files in a folder', () => {
    expect(findCrowded(filesOf(project))).toEqual([])
  })
})

describe('each rule of the structure', () => {
  let breaches: readonly Breach[] = []
  beforeAll(() => {
    breaches = readBreaches(fixture, join(fixture, 'tsconfig.json'))
  }, 60_000)

  test.each(rules)('%s is broken by the wrong files of its fixture, and by no other', (rule) => {
    const wrong = filesOf(fixture).filter((file) => file.includes(`/${rule}/wrong`))

    expect(wrong).not.toEqual([])
    expect(distinct(breaches.filter((breach) => breach.rule === rule).map(({ file }) => file))).toEqual(wrong)
  })
})

describe('a folder', () => {
  const filesIn = (folder: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${folder}/file-${index}.ts`)

  test('is crowded with twenty-one files', () => {
    expect(findCrowded([...filesIn('src/a', 21), ...filesIn('src/a/b', 1)])).toEqual(['src/a'])
  })

  test('is not crowded with twenty, whatever the folders in it hold', () => {
    expect(findCrowded([...filesIn('src/a', 20), ...filesIn('src/a/b', 20)])).toEqual([])
  })
})
