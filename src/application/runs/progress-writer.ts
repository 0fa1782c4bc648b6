import type { TaskId } from '#domain/identifiers.ts'
import { backOffMs } from '../mechanisms/back-off.ts'
import type { Timers } from '../ports/surroundings/clock.ts'
import type { Random } from '../ports/surroundings/identities.ts'
import type { Logger } from '../ports/surroundings/logger.ts'
import type { ProgressBoard, ProgressReport } from '../ports/ledger/progress-board.ts'

/** Writes what the runs of one process say about their progress: the last word of each, a few times a second. */
export interface ProgressWriter {
  /** Takes a word in place of the one before; never throws. */
  report(report: ProgressReport): void
  /** Writes what is left, if the store answers at once. Takes no more. */
  close(): Promise<void>
}

interface Deps {
  readonly board: ProgressBoard
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
}

/** Between two writes of this process, however many runs report. */
const writeEveryMs = 250
const reportsPerWriteMax = 1_000
/** Beyond it, words of other tasks are lost: progress may be. */
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
