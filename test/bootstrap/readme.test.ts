import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { listVariables } from '#bootstrap/config.ts'

const project = join(import.meta.dirname, '../..')
const readme = readFileSync(join(project, 'README.md'), 'utf8')

const rowsOf = (heading: string): readonly (readonly string[])[] =>
  (readme.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter(
      (line) =>
        line.startsWith('| ') &&
        !line.startsWith('| -') &&
        !line.startsWith('| variable') &&
        !line.startsWith('| promise'),
    )
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()))

describe('the README', () => {
  it('has a row for each variable, and for no other', () => {
    const rows = rowsOf('Configuration').map(([name]) => name?.replaceAll('`', ''))
    expect(rows).toEqual(listVariables().map(({ name }) => name))
  })

  it('says the defaults that the code has', () => {
    for (const { name, byDefault } of listVariables()) {
      const said = rowsOf('Configuration').find(([cell]) => cell === `\`${name}\``)?.[1] ?? ''
      if (byDefault !== undefined) expect([name, said]).toEqual([name, `\`${byDefault}\``])
    }
  })

  it('names for each promise tests that exist', () => {
    const rows = rowsOf('What we promise')
    expect(rows.length).toBeGreaterThan(5)
    for (const [, shownBy = ''] of rows) {
      const files = [...shownBy.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path)
      expect(files).not.toEqual([])
      for (const file of files) expect([file, existsSync(join(project, file))]).toEqual([file, true])
    }
  })

  it('links to nothing that is not there', () => {
    for (const [, path = ''] of readme.matchAll(/\]\(((?!https?:)[^)#]+)/g)) {
      expect([path, existsSync(join(dirname(join(project, 'README.md')), path))]).toEqual([path, true])
    }
  })
})

describe('the map of the sources in the README', () => {
  it('names folders that exist', () => {
    const map = /## Map of the sources[^]*?```\n([^]*?)```/.exec(readme)?.[1] ?? ''
    const folders = map.split('\n').flatMap((line) => {
      const [, indent = '', name] = /^( *)([\w/-]+\/)( |$)/.exec(line) ?? []
      return name === undefined ? [] : [indent === '' ? name : `src/adapters/${name}`]
    })
    expect(folders.length).toBeGreaterThan(12)
    expect(folders.filter((folder) => !existsSync(join(project, folder)))).toEqual([])
  })
})

describe('ARCHITECTURE.md', () => {
  const architecture = readFileSync(join(project, 'ARCHITECTURE.md'), 'utf8')

  it('names files and folders that exist', () => {
    const paths = [...architecture.matchAll(/(?:src|test|migrations|bench|docs)\/[\w./-]*[\w]/g)].map(([path]) => path)
    expect(paths.length).toBeGreaterThan(40)
    expect(paths.filter((path) => !existsSync(join(project, path)))).toEqual([])
  })

  it('fits on one page', () => {
    expect(architecture.split('\n').length).toBeLessThan(120)
  })
})
