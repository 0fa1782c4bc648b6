import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { slowFiles } from '../support/slow-files.ts'

const project = join(import.meta.dirname, '../..')

test('the list of slow test files names each file once, and only files that are there', () => {
  expect(slowFiles.filter((file) => !existsSync(join(project, file)))).toEqual([])
  expect(new Set(slowFiles).size).toBe(slowFiles.length)
})
