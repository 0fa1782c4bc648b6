/** How many arrays and objects may be nested in a value, itself included. */
const containersMax = 100

export interface StorableFault {
  readonly path: readonly (string | number)[]
  readonly message: string
}

interface Place {
  readonly container: object
  readonly depth: number
  readonly key: string | number
  readonly parent: Place | undefined
}

/** How many faults of one value a refusal names. */
const faultsMax = 100

/**
 * The faults for which a parsed JSON value could not be stored and given back to the letter: a NUL character, half a
 * surrogate pair, a number beyond double precision (which `JSON.parse` makes infinite), more than `containersMax` nested
 * containers.
 *
 * Not recursive, because no limit of depth has been checked before. `path` leads from `value` to the fault; the path of a
 * faulty key is that of its object.
 */
export const findUnstorable = (value: unknown): readonly StorableFault[] => {
  const faults: StorableFault[] = []
  const say = (parent: Place | undefined, key: string | number | undefined, message: string): void => {
    if (faults.length < faultsMax) faults.push({ path: pathTo(parent, key), message })
  }
  const places: Place[] = []
  let tooDeep = false
  const visit = (member: unknown, key: string | number | undefined, parent: Place | undefined): void => {
    if (typeof member === 'object' && member !== null) {
      const depth = (parent?.depth ?? 0) + 1
      if (depth > containersMax) tooDeep = true
      else places.push({ container: member, depth, key: key ?? '', parent })
    } else {
      const message = judgeScalar(member)
      if (message !== undefined) say(parent, key, message)
    }
  }
  visit(value, undefined, undefined)
  for (let next = 0; next < places.length; next += 1) {
    const place = places[next]
    if (place === undefined) break
    if (Array.isArray(place.container)) place.container.forEach((member, index) => visit(member, index, place))
    else {
      for (const [key, member] of Object.entries(place.container)) {
        const message = judgeScalar(key)
        if (message !== undefined) say(place, undefined, `a key ${message}`)
        visit(member, key, place)
      }
    }
  }
  if (tooDeep) faults.push({ path: [], message: `is more than ${containersMax} containers deep` })
  return faults
}

const judgeScalar = (value: unknown): string | undefined => {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'is beyond double precision'
  return typeof value === 'string' ? judgeText(value) : undefined
}

/** Why a string cannot be stored as it is; undefined when it can. */
export const judgeText = (text: string): string | undefined => {
  if (text.includes('\0')) return 'holds the character U+0000'
  return text.isWellFormed() ? undefined : 'holds half a surrogate pair'
}

/** How many code points a text has; stops counting beyond `maximum`. */
export const countCodePoints = (written: string, maximum: number): number => {
  let count = 0
  for (let at = 0; at < written.length && count <= maximum; count += 1) {
    at += (written.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  }
  return count
}

const pathTo = (parent: Place | undefined, key: string | number | undefined): readonly (string | number)[] => {
  const path = key === undefined ? [] : [key]
  for (let place = parent; place?.parent !== undefined; place = place.parent) path.push(place.key)
  return path.toReversed()
}
