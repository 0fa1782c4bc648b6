import { describe, expect, it } from 'vitest'
import type { Applied } from '#adapters/postgres/migrate/applied.ts'
import { compareSchema } from '#adapters/postgres/migrate/compare-schema.ts'
import type { SchemaFiles } from '#adapters/postgres/migrate/schema-files.ts'

const files: SchemaFiles = {
  migrations: [{ name: '0001_applied', text: '', checksum: '' }],
  functions: [{ name: 'append', text: '', checksum: 'ours' }],
}

const appliedBy = (release: string, checksum: string): Applied => ({
  migrations: ['0001_applied'],
  functions: [{ name: 'append', checksum, release }],
})

describe('a function of another text', () => {
  it.each([
    ['0.9.0', '0.10.0'],
    ['1.0.0-beta.2', '1.0.0-beta.10'],
    ['1.0.0-beta.10', '1.0.0'],
    ['1.0.0', '1.0.1-beta.1'],
    ['1.9.9', '2.0.0'],
  ])('is never put back by %s under %s, which may replace it', (earlier, later) => {
    expect(compareSchema(files, appliedBy(later, 'theirs'), earlier)).toEqual({
      kind: 'later-release',
      names: ['functions/append'],
    })
    expect(compareSchema(files, appliedBy(earlier, 'theirs'), later)).toEqual({
      kind: 'pending',
      names: ['functions/append'],
    })
  })

  it('is replaced by the release that applied it, as while one is being written', () => {
    expect(compareSchema(files, appliedBy('1.0.0+a', 'theirs'), '1.0.0+b').kind).toBe('pending')
  })
})

describe('a function of the same text', () => {
  it('is in force whichever release applied it', () => {
    expect(compareSchema(files, appliedBy('2.0.0', 'ours'), '1.0.0')).toEqual({ kind: 'current' })
  })
})

describe('a function that the release does not have', () => {
  const functions = [...appliedBy('1.0.0', 'ours').functions, { name: 'other', checksum: 'theirs', release: '1.1.0' }]
  const applied: Applied = { migrations: ['0001_applied'], functions }

  it('is to be dropped, unless a later release made it', () => {
    expect(compareSchema(files, applied, '1.2.0')).toEqual({ kind: 'pending', names: ['functions/other'] })
    expect(compareSchema(files, applied, '1.0.0')).toEqual({ kind: 'later-release', names: ['functions/other'] })
  })
})
