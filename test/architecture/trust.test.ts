import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

/**
 * Every function that believes a value without parsing it, and where it is defined. A new one is a decision: its doc comment
 * must say why the value can be believed, and it must be added here.
 */
const trusted = [
  'src/adapters/client/submission.ts trustOutcomes',
  'src/adapters/client/task.ts trustTask',
  'src/adapters/worker/isolation/isolation-messages.ts trustWorkerMessage',
  'src/domain/identifiers.ts trustAppendId',
  'src/domain/identifiers.ts trustTaskId',
]

const project = join(import.meta.dirname, '../..')
const definition = /\b(?:const|let|function|class)\s+(trust[A-Z]\w*)|^\s*(?:readonly\s+)?(trust[A-Z]\w*)\s*[(:]/gm

const findDefinitions = (file: string): readonly string[] =>
  [...readFileSync(join(project, file), 'utf8').matchAll(definition)].map(
    ([, declared, member]) => `${file} ${declared ?? member}`,
  )

describe('values that are believed without being parsed', () => {
  test('pass only through the functions listed here', () => {
    expect(globSync('src/**/*.ts', { cwd: project }).flatMap(findDefinitions).toSorted()).toEqual(trusted.toSorted())
  })
})
