import { readFile } from 'node:fs/promises'

const source = new URL('../../../migrations/functions/append.sql', import.meta.url)

/** What is taken away, how often it is there, and what takes its place. */
const changes = [
  // A head is set whatever version it has.
  [/ *and h\.version = e_version\[a_event\[i\]\] - 1\n/g, 2, ''],
  // And whichever run it is in.
  [/ *and case\n *when a_claimed\[i\] is not null then h\.claim[^;]*?\n *end\n/g, 1, ''],
  // The primary key of the events would notice: an event that is there already stays as it is.
  [/(from generate_series\(1, v_events\) j|where h\.xmin = v_me);/g, 2, '$1 on conflict do nothing;'],
] as const

/**
 * The append function without its fence, which a campaign must notice, or it would notice nothing. Throws when the function
 * does not look as it did.
 */
export const readUnfencedAppend = async (): Promise<string> => {
  let text = await readFile(source, 'utf8')
  for (const [pattern, times, replacement] of changes) {
    const found = text.match(pattern)?.length ?? 0
    if (found !== times) throw new Error(`append.sql has ${pattern.source} in ${found} places, not in ${times}`)
    text = text.replaceAll(pattern, replacement)
  }
  return text
}
