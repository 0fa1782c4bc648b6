import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Mutant, mutate } from './mutant.ts'

/** A copy of the tree in which one wrong version at a time is planted. */
export interface WorkingCopy {
  readonly folder: string
  /** Does `work` while the mutant is in the tree. Throws where the place of the mutant is not found. */
  whilePlanted<Answer>(mutant: Mutant, work: () => Promise<Answer>): Promise<Answer>
  remove(): Promise<void>
}

const copied = ['src', 'test', 'migrations', 'examples', 'docs', 'package.json', 'tsconfig.json', 'vitest.config.ts']

/** The packages are shared by a link, so that a copy weighs a few megabytes. */
export const makeWorkingCopy = async (root: string): Promise<WorkingCopy> => {
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-mutant-'))
  for (const name of copied) await cp(join(root, name), join(folder, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    whilePlanted: async (mutant, work) => {
      const path = join(folder, mutant.file)
      const sound = await readFile(path, 'utf8')
      await writeFile(path, mutate(mutant, sound))
      try {
        return await work()
      } finally {
        await writeFile(path, sound)
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
