import type { MutantOutcome } from './run-mutants.ts'

/** A table of the mutants and of what noticed them, and a line with their number. */
export const toTable = (outcomes: readonly MutantOutcome[]): string => {
  const rows = outcomes.map(({ mutant, verdict, seconds }) => [
    mutant.area,
    mutant.name,
    verdict.kind === 'killed' ? verdict.suite.replace(/^test\//, '') : verdict.kind.toUpperCase(),
    seconds.toFixed(1),
  ])
  const table = [['area', 'wrong version', 'killed by', 'seconds'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const killed = outcomes.filter(({ verdict }) => verdict.kind === 'killed').length
  return `${lines.join('\n')}\n\n${killed} of ${outcomes.length} wrong versions were killed`
}
