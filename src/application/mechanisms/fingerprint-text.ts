import { byCodeUnits } from './canonical-json.ts'

/**
 * Text that is the same for equal values, whatever the order of their members, and another for others. Of what JSON can say
 * it is the canonical JSON (`canonicalize`); all else is written as no JSON can be, so `undefined`, `-0`, `NaN`, `1n`, a Map
 * and a Buffer are told from each other and from what JSON would make of them.
 *
 * Entries of a Map and elements of a Set count in any order. An instance of a class is its name with what `toJSON` returns,
 * or, without one, with its own enumerable members: private ones cannot be seen. An error is its name, message, causes and
 * members, without its stack.
 *
 * Throws a TypeError that names the path of what cannot be seen: a function, a symbol, a Promise, a WeakMap, another object
 * that keeps all of its content to itself, one that contains itself, more than 200 containers within each other, or more
 * than 2 Mi of values, characters and bytes in all.
 */
export const toFingerprintText = (value: unknown): string => describe({ within: new Set(), weight: 0 }, value, 'input')

/** The containers that a walk is within at this moment, and what it has seen so far. */
interface Walk {
  readonly within: Set<object>
  weight: number
}

const depthMax = 200
const weightMax = 2_097_152

const describe = (walk: Walk, value: unknown, path: string): string => {
  bear(walk, typeof value === 'string' ? value.length + 1 : 1, path)
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'function':
    case 'symbol':
      throw unseen(path, `a ${typeof value}`)
    case 'object':
      return value === null ? 'null' : describeObject(walk, value, path)
  }
}

const describeObject = (walk: Walk, value: object, path: string): string => {
  if (walk.within.has(value)) throw unseen(path, 'an object that contains itself')
  if (walk.within.size >= depthMax) throw unseen(path, `more than ${depthMax} containers within each other`)
  walk.within.add(value)
  try {
    return Array.isArray(value) ? describeArray(walk, value, path) : describeContent(walk, value, path)
  } finally {
    walk.within.delete(value)
  }
}

const describeArray = (walk: Walk, value: readonly unknown[], path: string): string => {
  bear(walk, value.length, path)
  const items = Array.from({ length: value.length }, (_, index) =>
    Object.hasOwn(value, index) ? describe(walk, value[index], `${path}[${index}]`) : 'empty',
  )
  const text = `[${items.join(',')}]`
  const members = describeMembers(walk, value, path, isIndex)
  const isPlain = members === '{}' && Object.getPrototypeOf(value) === Array.prototype
  return isPlain ? text : `${kindOf(value)}(${text})${members}`
}

const describeContent = (walk: Walk, value: object, path: string): string => {
  const inside = describeInside(walk, value, path)
  const isWhole = inside !== undefined && (ArrayBuffer.isView(value) || hasToJson(value))
  const members = isWhole ? '{}' : describeMembers(walk, value, path, value instanceof String ? isIndex : isNone)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (inside === undefined && (prototype === null || prototype === Object.prototype)) return members
  if (inside === undefined && members === '{}') throw unseen(path, `what a ${kindOf(value)} holds`)
  return `${kindOf(value)}(${inside ?? ''})${members}`
}

/** What an object holds beside its own members; undefined when nothing is known of that. */
const describeInside = (walk: Walk, value: object, path: string): string | undefined => {
  if (value instanceof Map) return describeMap(walk, value, path)
  if (value instanceof Set) return describeSet(walk, value, path)
  if (ArrayBuffer.isView(value)) {
    return describeBytes(walk, new Uint8Array(value.buffer, value.byteOffset, value.byteLength), path)
  }
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return describeBytes(walk, new Uint8Array(value), path)
  }
  if (value instanceof RegExp) return describe(walk, String(value), path)
  if (isBoxed(value)) return describe(walk, value.valueOf(), path)
  if (value instanceof Error) return describeError(walk, value, path)
  if (hasNoContent(value)) throw unseen(path, `what a ${kindOf(value)} holds`)
  return hasToJson(value) ? describe(walk, value.toJSON(''), `${path}.toJSON()`) : undefined
}

const describeMap = (walk: Walk, value: ReadonlyMap<unknown, unknown>, path: string): string => {
  const entries = Array.from(value, ([key, held], index) => {
    const name = typeof key === 'string' ? JSON.stringify(key) : String(index)
    return `${describe(walk, key, `${path}.keys()[${index}]`)}=>${describe(walk, held, `${path}.get(${name})`)}`
  })
  return entries.toSorted(byCodeUnits).join(',')
}

const describeSet = (walk: Walk, value: ReadonlySet<unknown>, path: string): string =>
  Array.from(value, (item, index) => describe(walk, item, `${path}.keys()[${index}]`))
    .toSorted(byCodeUnits)
    .join(',')

const describeBytes = (walk: Walk, bytes: Uint8Array, path: string): string => {
  bear(walk, bytes.length, path)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const describeError = (walk: Walk, error: Error, path: string): string =>
  ['name', 'message', 'cause', 'errors']
    .map((name) => describe(walk, Reflect.get(error, name), `${path}.${name}`))
    .join(',')

const describeMembers = (walk: Walk, value: object, path: string, isSeen: (name: string) => boolean): string => {
  const symbol = Object.getOwnPropertySymbols(value).find((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key),
  )
  if (symbol !== undefined) throw unseen(path, `a member named by ${String(symbol)}`)
  const names = Object.keys(value).filter((name) => !isSeen(name))
  const members = names.toSorted(byCodeUnits).map((name) => {
    bear(walk, name.length, path)
    return `${JSON.stringify(name)}:${describe(walk, Reflect.get(value, name), `${path}.${name}`)}`
  })
  return `{${members.join(',')}}`
}

const isNone = (): boolean => false
const isIndex = (name: string): boolean => /^(?:0|[1-9]\d{0,9})$/.test(name)

const isBoxed = (value: object): boolean =>
  value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt

const hasNoContent = (value: object): boolean =>
  value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef

const hasToJson = (value: object): value is { toJSON(name: string): unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function'

/** The name of an object's class, in quotes: no JSON goes on after a string. */
const kindOf = (value: object): string => {
  const constructor: unknown = Reflect.get(value, 'constructor')
  return JSON.stringify(typeof constructor === 'function' ? constructor.name : 'Object')
}

/** Before more is read: what has been read so far is bounded. */
const bear = (walk: Walk, weight: number, path: string): void => {
  walk.weight += weight
  if (walk.weight > weightMax) throw unseen(path, `more than ${weightMax} values, characters and bytes`)
}

const unseen = (path: string, what: string): TypeError => new TypeError(`${path}: no fingerprint sees ${what}`)
