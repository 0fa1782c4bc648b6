/** A list that is always in order. Of items that compare as equal it holds one. */
export interface SortedList<Item> {
  size(): number
  /** Adds an item unless an equal one is in the list. */
  insert(item: Item): void
  /** Removes the equal item, if there is one. */
  remove(item: Item): void
  first(): Item | undefined
  takeFirst(): Item | undefined
  takeLast(): Item | undefined
  /** The items below `item`, or all of them, from the highest down. The list must not change while they are read. */
  descendingBelow(item: Item | undefined): Iterable<Item>
}

/** How many places at the front may be empty before the rest is moved up. */
const gapsMax = 1_024

/**
 * A sorted array with binary search. Adding at the end moves nothing, and nearly all items are added there; taking from the
 * front moves the rest only once every `gapsMax` items.
 */
export const createSortedList = <Item>(compare: (a: Item, b: Item) => number): SortedList<Item> => {
  const items: Item[] = []
  let start = 0

  /** The index of the first item that is not below `item`. */
  const findPlace = (item: Item): number => {
    let low = start
    let high = items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const found = items[middle]
      if (found !== undefined && compare(found, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  const isAt = (place: number, item: Item): boolean => {
    const found = items[place]
    return found !== undefined && compare(found, item) === 0
  }

  const closeGaps = (): void => {
    if (start < items.length && (start < gapsMax || start * 2 < items.length)) return
    items.splice(0, start)
    start = 0
  }

  return {
    size: () => items.length - start,
    insert: (item) => {
      const place = findPlace(item)
      if (place === items.length) items.push(item)
      else if (!isAt(place, item)) items.splice(place, 0, item)
    },
    remove: (item) => {
      const place = findPlace(item)
      if (isAt(place, item)) items.splice(place, 1)
    },
    first: () => items[start],
    takeFirst: () => {
      const item = items[start]
      if (item === undefined) return undefined
      start += 1
      closeGaps()
      return item
    },
    takeLast: () => (items.length > start ? items.pop() : undefined),
    *descendingBelow(item) {
      for (let place = (item === undefined ? items.length : findPlace(item)) - 1; place >= start; place -= 1) {
        const found = items[place]
        if (found !== undefined) yield found
      }
    },
  }
}
