import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { plantedMutants } from './planted/planted-mutants.ts'
import { mutate, toSuite } from './support/mutant.ts'

const toPath = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url))

describe('the wrong versions that `npm run mutants` plants', () => {
  it('are many, each with a name of its own', () => {
    expect(plantedMutants.length).toBeGreaterThan(60)
    expect(new Set(plantedMutants.map(({ name }) => name)).size).toBe(plantedMutants.length)
  })

  it.each(plantedMutants)('find their place: $name', async (mutant) => {
    expect(mutate(mutant, await readFile(toPath(mutant.file), 'utf8'))).toContain(mutant.put)
  })

  it.each([...new Set(plantedMutants.flatMap(({ suites }) => suites.map((suite) => toSuite(suite).file)))])(
    'ask a suite that is there: %s',
    (suite) => {
      expect(existsSync(toPath(suite))).toBe(true)
    },
  )
})
