/** Many short-lived values, each in a numbered slot that the next one takes when it has left. */
export interface SlotTable<Value> {
  /** Answers the slot that the value stands in until it is removed. */
  add(value: Value): number
  /** Undefined when the slot is free. */
  get(slot: number): Value | undefined
  set(slot: number, value: Value): void
  remove(slot: number): void
  values(): readonly Value[]
  size(): number
}

/**
 * An array with a list of its free slots, in place of a map or a set, for what every task passes through.
 *
 * Why: V8 grows a map by copying it into a larger table and leaves the outgrown one behind with the values it held then.
 * Such a table is soon promoted to the old generation, and all it points to survives with it until the next full
 * collection, long after it was deleted from the map. The same holds for an array that is made anew at each change, and
 * for a suspended async function, whose frame keeps its locals. With maps in these places the survivors were most of what
 * the garbage collector copied for a task.
 */
export const createSlotTable = <Value>(): SlotTable<Value> => {
  const slots: (Value | undefined)[] = []
  const free: number[] = []
  return {
    add: (value) => {
      const slot = free.pop() ?? slots.length
      slots[slot] = value
      return slot
    },
    get: (slot) => slots[slot],
    set: (slot, value) => {
      slots[slot] = value
    },
    remove: (slot) => {
      if (slots[slot] === undefined) return
      slots[slot] = undefined
      free.push(slot)
    },
    values: () => slots.filter((value) => value !== undefined),
    size: () => slots.length - free.length,
  }
}
