import { sep } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { slowFiles } from './slow-files.ts'

/**
 * Begins with the files that take longest, so that the end of a run does not wait for one of them that began last. Vitest knows
 * the durations of an earlier run, and by the size of a file where there was none, which says little: the longest wait.
 */
export default class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b))
  }
}

const rankOf = ({ moduleId }: TestSpecification): number => {
  const name = moduleId.split(sep).join('/')
  const rank = slowFiles.findIndex((file) => name.endsWith(file))
  return rank < 0 ? slowFiles.length : rank
}
