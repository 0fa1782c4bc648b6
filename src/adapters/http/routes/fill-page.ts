import type { JsonText } from '#domain/task/events.ts'
import { limits } from '../request/limits.ts'

/** The items of a page as JSON text, up to the weight that a page may have; the first one is given in any case. */
export const fillPage = <Item>(items: readonly Item[], render: (item: Item) => JsonText): readonly JsonText[] => {
  const texts: JsonText[] = []
  let bytes = 0
  for (const item of items) {
    const text = render(item)
    bytes += Buffer.byteLength(text) + 1
    if (bytes > limits.pageBytesMax - envelopeBytes && texts.length > 0) break
    texts.push(text)
  }
  return texts
}

/** What stands around the items, the cursor included. */
const envelopeBytes = 512
