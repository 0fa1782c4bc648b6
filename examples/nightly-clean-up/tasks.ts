import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { defineTask } from 'taskfold'
import { z } from 'zod'

const uploads = join(import.meta.dirname, 'uploads')
const dayMs = 86_400_000
const filesMax = 100_000

/** Removes the files in `uploads/` that were not written to for so many days. Folders stay. */
export const cleanUp = defineTask({
  type: 'uploads.clean-up',
  input: z.strictObject({ olderThanDays: z.int().min(1).max(3_650) }),
  maxAttempts: 3,
  timeoutMs: 600_000,
  run: async ({ olderThanDays }, { signal, log }) => {
    const limit = Date.now() - olderThanDays * dayMs
    const files = (await readdir(uploads, { withFileTypes: true })).filter((item) => item.isFile()).slice(0, filesMax)
    let removed = 0
    for (const { name } of files) {
      // Between two files is the right moment to stop; what is left falls to the next attempt.
      signal.throwIfAborted()
      const path = join(uploads, name)
      if ((await stat(path)).mtimeMs >= limit) continue
      await rm(path, { force: true })
      removed += 1
    }
    log.info({ removed }, 'uploads cleaned up')
    return { removed, kept: files.length - removed }
  },
})
