import type { ProgressBoard } from '#application/ports/ledger/progress-board.ts'
import type { MemoryDatabase } from '../database.ts'

/** The progress of the tasks of a memory database. */
export const createMemoryProgressBoard = (database: MemoryDatabase): ProgressBoard => ({
  write: async (reports) => {
    for (const report of reports) {
      const before = database.progress.get(report.taskId)
      if (before === undefined || before.run <= report.run) database.progress.set(report.taskId, { ...report })
    }
  },
  find: async (taskId) => database.progress.get(taskId),
})
