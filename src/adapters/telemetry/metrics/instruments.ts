/** Values of one label each, in the order of the instrument's label names. */
export type Labels = readonly string[]

export interface Description {
  /** By OpenTelemetry's conventions, without the unit. */
  readonly name: string
  /** As UCUM writes it: `s`, `{task}`. */
  readonly unit: string
  readonly description: string
  readonly labels: readonly string[]
}

export interface Series<Value> {
  readonly labels: Labels
  readonly value: Value
}

export interface HistogramValue {
  readonly count: number
  readonly sum: number
  /** One more than there are boundaries: the last is for what lies above all. */
  readonly counts: readonly number[]
}

/** Counts since the process began. */
export interface Counter extends Description {
  add(by: number, ...labels: Labels): void
  read(): readonly Series<number>[]
}

/** A distribution since the process began. */
export interface Histogram extends Description {
  readonly boundaries: readonly number[]
  record(value: number, ...labels: Labels): void
  read(): readonly Series<HistogramValue>[]
  /** Calls `receive` with each value from now on. */
  forwardTo(receive: (value: number, labels: Labels) => void): void
}

/** A value that is looked up when metrics are read. `sum`: it only grows. */
export interface Gauge extends Description {
  readonly kind: 'gauge' | 'sum'
  read(): readonly Series<number>[]
}

/** All that can be read of a process. */
export interface Readings {
  readonly counters: readonly Counter[]
  readonly histograms: readonly Histogram[]
  readonly gauges: readonly Gauge[]
}

/** No instrument has more series than this, whatever labels it is given; the limits on single labels come before it. */
const seriesMax = 2_000

/** Cells by labels. Labels beyond `seriesMax` share one cell, in which every label is `other`. */
const createCells = <Cell>(create: () => Cell) => {
  const cells = new Map<string, { readonly labels: Labels; readonly value: Cell }>()
  /** The cell of the latest labels: the next ones are often equal, and then no key need be joined. */
  let last: { readonly labels: Labels; readonly value: Cell } | undefined

  const find = (labels: Labels): Cell => {
    if (last === undefined || !isSame(last.labels, labels)) last = { labels, value: findByKey(labels) }
    return last.value
  }
  const findByKey = (labels: Labels): Cell => {
    const key = toKey(labels)
    const found = cells.get(key)
    if (found !== undefined) return found.value
    if (cells.size >= seriesMax) return findOther(labels)
    const cell = create()
    cells.set(key, { labels, value: cell })
    return cell
  }
  const findOther = (labels: Labels): Cell => {
    const others = labels.map(() => other)
    const key = toKey(others)
    const found = cells.get(key) ?? { labels: others, value: create() }
    cells.set(key, found)
    return found.value
  }
  return { find, all: () => [...cells.values()] }
}

const toKey = (labels: Labels): string => labels.join('\u0000')

const isSame = (one: Labels, other: Labels): boolean => {
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false
  return true
}

/** The label of all values beyond a limit. */
export const other = 'other'

export const createCounter = (description: Description): Counter => {
  const cells = createCells(() => ({ total: 0 }))
  // Shown as zero from the start, so that an alert on a rate sees the first event.
  if (description.labels.length === 0) cells.find([])
  return {
    ...description,
    add: (by, ...labels) => {
      cells.find(labels).total += by
    },
    read: () => cells.all().map(({ labels, value }) => ({ labels, value: value.total })),
  }
}

export const createHistogram = (description: Description, boundaries: readonly number[]): Histogram => {
  const cells = createCells(() => ({ count: 0, sum: 0, counts: [...boundaries, 0].map(() => 0) }))
  let forward: ((value: number, labels: Labels) => void) | undefined
  return {
    ...description,
    boundaries,
    record: (value, ...labels) => {
      const cell = cells.find(labels)
      let bucket = 0
      while (bucket < boundaries.length && value > (boundaries[bucket] ?? 0)) bucket += 1
      cell.count += 1
      cell.sum += value
      cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1
      forward?.(value, labels)
    },
    read: () => cells.all().map(({ labels, value }) => ({ labels, value: { ...value, counts: [...value.counts] } })),
    forwardTo: (receive) => {
      forward = receive
    },
  }
}

/** Labels by their names. */
export const toAttributes = (names: readonly string[], labels: Labels): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name, index) => [name, labels[index] ?? '']))
