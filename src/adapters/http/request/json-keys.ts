/** An object that the scan is inside of. */
interface OpenObject {
  /** Its keys so far. From the ninth on they are in `keySet`, because comparing one by one takes quadratic time. */
  readonly keys: string[]
  keySet: Set<string> | undefined
  /** The key whose value is being read. */
  key: string
  expects: 'key' | 'value'
}

const keysComparedMax = 8

/**
 * Why a text is refused that `JSON.parse` accepts: a key occurs twice in one object, is `__proto__`, or is a `prototype` in
 * a `constructor`. Undefined for a text without such a key.
 *
 * `text` must be JSON already; it is scanned once, without recursion.
 */
export const findForbiddenKey = (text: string): string | undefined => {
  const open: (OpenObject | undefined)[] = []
  let inside: OpenObject | undefined
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        open.push(inside)
        inside = { keys: [], keySet: undefined, key: '', expects: 'key' }
        break
      case 0x5b: // [
        open.push(inside)
        inside = undefined
        break
      case 0x7d: // }
      case 0x5d: // ]
        inside = open.pop()
        break
      case 0x2c: // ,
        if (inside !== undefined) inside.expects = 'key'
        break
      case 0x22: {
        const end = endOfString(text, at)
        if (inside?.expects === 'key') {
          const key = readKey(text, at, end)
          const forbidden = judgeKey(key, inside, open.at(-1))
          if (forbidden !== undefined) return forbidden
          inside.key = key
          inside.expects = 'value'
        }
        at = end
        break
      }
    }
  }
  return undefined
}

/** The index of the quote that ends the string from `start` on: the first one after an even number of backslashes. */
const endOfString = (text: string, start: number): number => {
  let end = text.indexOf('"', start + 1)
  while (end !== -1) {
    let first = end
    while (text.charCodeAt(first - 1) === 0x5c) first -= 1
    if ((end - first) % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return text.length
}

const readKey = (text: string, start: number, end: number): string => {
  const written = text.slice(start + 1, end)
  return written.includes('\\') ? String(JSON.parse(text.slice(start, end + 1))) : written
}

const judgeKey = (key: string, inside: OpenObject, around: OpenObject | undefined): string | undefined => {
  if (key === '__proto__') return 'A key is __proto__.'
  // `around` is undefined in an array: a constructor that holds a list holds no prototype.
  if (key === 'prototype' && around?.key === 'constructor') return 'A constructor holds a prototype.'
  return addKey(inside, key) === 'known' ? 'A key occurs twice in one object.' : undefined
}

const addKey = (object: OpenObject, key: string): 'new' | 'known' => {
  if (object.keySet === undefined && object.keys.length >= keysComparedMax) object.keySet = new Set(object.keys)
  if (object.keySet?.has(key) ?? object.keys.includes(key)) return 'known'
  if (object.keySet === undefined) object.keys.push(key)
  else object.keySet.add(key)
  return 'new'
}
