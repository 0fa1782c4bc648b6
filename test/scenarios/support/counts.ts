import type { TaskfoldProcess } from './process.ts'

/** What a process that has ended in order says it counted. Throws when it said nothing, as at a level above `debug`. */
export const readCounts = ({ logs, pid }: TaskfoldProcess): Readonly<Record<string, number>> => {
  const line = logs.findLast((text) => text.includes('"msg":"counted"'))
  if (line === undefined) throw new Error(`process ${pid} did not say what it counted`)
  const { counts }: { readonly counts: Readonly<Record<string, number>> } = JSON.parse(line)
  return counts
}
