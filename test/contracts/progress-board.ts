import { describe, expect, it } from 'vitest'
import type { ProgressBoard, ProgressReport } from '#application/ports/ledger/progress-board.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { mintTaskId } from '../support/ids.ts'
import { range } from '../support/task-builders.ts'

export interface ProgressBoardWorld extends ContractWorld {
  readonly progress: ProgressBoard
}

/** What every ProgressBoard does. */
export const describeProgressBoard = (name: string, setup: Setup<ProgressBoardWorld>): void => {
  describe(`the progress board (${name})`, () => {
    const world = useWorld(setup)
    const makeReport = (differences: Partial<ProgressReport> = {}): ProgressReport => ({
      taskId: mintTaskId(),
      run: 2,
      value: '0.5',
      ...differences,
    })
    const write = (...reports: readonly ProgressReport[]) => world().progress.write(reports)
    const find = (report: ProgressReport) => world().progress.find(report.taskId)

    it('knows nothing of a task that has said nothing', async () => {
      expect(await find(makeReport())).toBeUndefined()
    })

    it.each(['null', '{"b":1.50,"a":"\\u0000 \\ud800 é"}', '"🎈"'])('gives back what was said: %s', async (value) => {
      const report = makeReport({ value })
      await write(report)
      expect(await find(report)).toEqual(report)
    })

    it('keeps the last word', async () => {
      const first = makeReport()
      await write(first)
      const last = { ...first, value: '"almost"' }
      await write(last)
      expect(await find(first)).toEqual(last)
    })

    it('lets a higher run speak, and a lower one no more', async () => {
      const first = makeReport()
      const next = { ...first, run: 5, value: '"again"' }
      await write(first)
      await write(next)
      await write({ ...first, value: '"too late"' })
      expect(await find(first)).toEqual(next)
    })

    it('takes many words at once, and none', async () => {
      const reports = range(1_000).map((index) => makeReport({ value: String(index) }))
      await write(...reports)
      await write()
      expect(await Promise.all(reports.slice(990).map(find))).toEqual(reports.slice(990))
    })

    it('takes words about the same tasks from several at once', async () => {
      const reports = range(50).map((index) => makeReport({ value: String(index) }))
      await Promise.all(range(6).map((round) => write(...(round % 2 === 0 ? reports : reports.toReversed()))))
      expect(await Promise.all(reports.map(find))).toEqual(reports)
    })
  })
}
