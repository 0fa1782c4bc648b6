import { describe, expect, it } from 'vitest'
import type { ProgressBoard, ProgressReport } from '#application/ports/ledger/progress-board.ts'
import { type ContractWorld, type Setup, useWorld } from '../support/contract-world.ts'
import { mintTaskId } from '../support/ids.ts'
import { range } from '../support/task-builders.ts'

export interface ProgressBoardWorld extends ContractWorld {
  readonly progress: ProgressBoard
}

/** The contract of every ProgressBoard. */
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

    it('has nothing of a task that reported nothing', async () => {
      expect(await find(makeReport())).toBeUndefined()
    })

    it.each(['null', '{"b":1.50,"a":"\\u0000 \\ud800 é"}', '"🎈"'])('answers what was reported: %s', async (value) => {
      const report = makeReport({ value })
      await write(report)
      expect(await find(report)).toEqual(report)
    })

    it('keeps the latest report', async () => {
      const first = makeReport()
      await write(first)
      const last = { ...first, value: '"almost"' }
      await write(last)
      expect(await find(first)).toEqual(last)
    })

    it('takes the report of a higher run, and from then on none of a lower one', async () => {
      const first = makeReport()
      const next = { ...first, run: 5, value: '"again"' }
      await write(first)
      await write(next)
      await write({ ...first, value: '"too late"' })
      expect(await find(first)).toEqual(next)
    })

    it('takes many reports in one call, or none', async () => {
      const reports = range(1_000).map((index) => makeReport({ value: String(index) }))
      await write(...reports)
      await write()
      expect(await Promise.all(reports.slice(990).map(find))).toEqual(reports.slice(990))
    })

    it('takes reports on the same tasks from several processes at once', async () => {
      const reports = range(50).map((index) => makeReport({ value: String(index) }))
      await Promise.all(range(6).map((round) => write(...(round % 2 === 0 ? reports : reports.toReversed()))))
      expect(await Promise.all(reports.map(find))).toEqual(reports)
    })
  })
}
