import type { TaskId } from '#domain/identifiers.ts'
import { backOffMs } from '../mechanisms/back-off.ts'
import type { Timers } from '../ports/surroundings/clock.ts'
import type { Random } from '../ports/surroundings/identities.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import type { ProgressBoard, ProgressReport } from '../ports/ledger/progress-board.ts'

/** Writes the progress that the runs of one process report: the latest report of each task, four times a second. */
export interface ProgressWriter {
  /** Replaces the task's earlier report. Never throws. */
  report(report: ProgressReport): void
  /** Writes the reports that are left, unless the store was away or fails. Takes no more. */
  close(): Promise<void>
}

interface Deps {
  readonly board: ProgressBoard
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
}

/** From one write of this process to the next, however many runs report. */
const writeEveryMs = 250
const reportsPerWriteMax = 1_000
/** Reports of further tasks are dropped: progress may be lost. */
const reportsWaitingMax = 10_000

export const createProgressWriter = ({ board, timers, random, logger }: Deps): ProgressWriter => {
  const waiting = new Map<TaskId, ProgressReport>()
  const closing = new AbortController()
  let failures = 0
  let writing: Promise<void> | undefined

  const take = (report: ProgressReport): void => {
    if (waiting.size < reportsWaitingMax || waiting.has(report.taskId)) waiting.set(report.taskId, report)
  }

  const writeSome = async (): Promise<void> => {
    const reports = [...waiting.values().take(reportsPerWriteMax)]
    for (const { taskId } of reports) waiting.delete(taskId)
    try {
      await board.write(reports)
      failures = 0
    } catch (error) {
      if (failures === 0) logger.debug({ err: error }, 'progress was not written')
      failures += 1
      for (const report of reports) if (!waiting.has(report.taskId)) take(report)
    }
  }

  const writeAll = async (): Promise<void> => {
    while (waiting.size > 0 && !(closing.signal.aborted && failures > 0)) {
      await writeSome()
      await timers.sleep(failures === 0 ? writeEveryMs : backOffMs(failures, random()), closing.signal)
    }
    writing = undefined
  }

  return {
    report: (report) => {
      if (closing.signal.aborted) return
      take(report)
      writing ??= writeAll()
    },
    close: async () => {
      closing.abort()
      await writing
    },
  }
}
