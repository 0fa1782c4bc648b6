import type { Measurement } from './workloads.ts'

/** One measurement and what it was of. */
export interface Result extends Measurement {
  readonly round: number
  readonly workload: string
  readonly contender: string
}

/** The medians of one contender at one workload over the rounds. */
export interface Summary {
  readonly workload: string
  readonly contender: string
  readonly tasksPerSecond: number
  readonly processorMicroseconds: number
  readonly postgresMicroseconds: number
  readonly redisMicroseconds: number
  readonly nodeMicroseconds: number
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
  /** The rate over that of the peer; of latencies the peer's p50 over this one's: more is better in both. */
  readonly ratio: number | undefined
  readonly repeated: number
}

/** In the order in which the results came. */
export const summarize = (results: readonly Result[], peer: string): readonly Summary[] => {
  const groups = [...Map.groupBy(results, ({ workload, contender }) => `${workload} ${contender}`).values()]
  const bare = groups.flatMap((group) => toSummary(group))
  return bare.map((summary) => {
    const against = bare.find(({ workload, contender }) => workload === summary.workload && contender === peer)
    return { ...summary, ratio: against === undefined ? undefined : toRatio(summary, against) }
  })
}

const toSummary = (group: readonly Result[]): readonly Summary[] => {
  const [first] = group
  if (first === undefined) return []
  const of = (read: (result: Result) => number): number => median(group.map(read))
  const hasLatency = first.latency !== undefined
  const [postgres, redis, node] = [
    of((each) => each.processorTime.postgres),
    of((each) => each.processorTime.redis),
    of((each) => each.processorTime.node),
  ]
  return [
    {
      workload: first.workload,
      contender: first.contender,
      tasksPerSecond: of((each) => each.tasksPerSecond),
      processorMicroseconds: of(({ processorTime: time }) => time.postgres + time.redis + time.node),
      postgresMicroseconds: postgres ?? 0,
      redisMicroseconds: redis ?? 0,
      nodeMicroseconds: node ?? 0,
      p50Ms: hasLatency ? of((each) => each.latency?.p50Ms ?? Number.NaN) : undefined,
      p99Ms: hasLatency ? of((each) => each.latency?.p99Ms ?? Number.NaN) : undefined,
      ratio: undefined,
      repeated: of((each) => each.repeated),
    },
  ]
}

const toRatio = (summary: Summary, peer: Summary): number =>
  summary.p50Ms === undefined || peer.p50Ms === undefined
    ? summary.tasksPerSecond / peer.tasksPerSecond
    : peer.p50Ms / summary.p50Ms

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle - 0.5)] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

const columns = ['workload', 'contender', 'tasks/s', 'ratio', 'µs a task', 'Postgres', 'Redis', 'Node', 'p50 / p99 ms']

/** A table for a terminal; also Markdown. */
export const toTable = (summaries: readonly Summary[]): string => {
  const rows = summaries.map((each) => [
    each.workload,
    each.contender,
    each.p50Ms === undefined ? each.tasksPerSecond.toFixed(0) : '',
    each.ratio?.toFixed(2) ?? '',
    ...[each.processorMicroseconds, each.postgresMicroseconds, each.redisMicroseconds, each.nodeMicroseconds].map(
      (microseconds) => microseconds.toFixed(0),
    ),
    each.p50Ms === undefined ? '' : `${each.p50Ms.toFixed(2)} / ${each.p99Ms?.toFixed(2)}`,
  ])
  const lines = [columns, columns.map(() => '-'), ...rows]
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line, index) =>
      line.map((cell, column) =>
        index === 1 ? '-'.repeat(widths[column] ?? 0) : pad(cell, widths[column] ?? 0, column),
      ),
    )
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** Names to the left, figures to the right. */
const pad = (cell: string, width: number, column: number): string =>
  column < 2 ? cell.padEnd(width) : cell.padStart(width)
