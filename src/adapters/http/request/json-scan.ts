import { exactDigits, isExactInteger, isOfNumber } from './json-number.ts'
import type { Turns } from './turns.ts'

/** What a scan tells of one JSON text, or of one item of a batch, before anything of it is parsed. */
export interface JsonFacts {
  /** Pointer to the member of the outermost object whose value is nested too deeply; undefined when none is. */
  readonly tooDeepAt: string | undefined
  /** Elements of arrays and members of objects, all together; items do not count. Where there are too many it is one more. */
  readonly members: number
  /** Those among them that are not inside of the outermost object's member `payload`. */
  readonly membersBesidePayload: number
  /** Pointers to integers that a double neither holds exactly nor gives back as they are written; at most `inexactMax` of them. */
  readonly inexact: readonly string[]
}

/** An item of a batch: the characters from `start` to `end`. */
export interface JsonItem extends JsonFacts {
  readonly start: number
  readonly end: number
}

export type JsonScan =
  /** `ending`: whether the text ends inside of a container, which no JSON does. */
  | {
      readonly kind: 'scanned'
      readonly facts: JsonFacts
      readonly items: readonly JsonItem[]
      readonly ending: 'closed' | 'open'
    }
  /** What `JSON.parse` would pass over in silence; a sentence for the caller. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** More than `itemsMax`: the scan ended at the first one too many. */
  | { readonly kind: 'too-many-items' }

export interface ScanOptions {
  /** The most containers in each other, the outermost one included; of an item its own outermost one. */
  readonly containersMax: number
  /** The most members that are looked at, of an item its own: of what holds more only the end is looked for. */
  readonly membersMax: number
  /** The member of the outermost object whose elements are items: facts of each are its own. */
  readonly itemsIn?: string | undefined
  readonly itemsMax: number
}

const inexactMax = 100
const quote = 0x22
const backslash = 0x5c
const keysComparedMax = 8

/** An object or an array that the scan is inside of. */
interface Frame {
  readonly kind: 'object' | 'array'
  /** Its keys so far; a set takes over when comparing one by one would no longer be quick. */
  keys: string[]
  keySet: Set<string> | undefined
  /** The key, or the index, of the member that is being read. */
  key: string
  index: number
  expects: 'key' | 'value'
}

/**
 * Scans a JSON text once, without recursion and without building anything: time and memory are linear, whatever
 * is in it. It judges no syntax, which is for `JSON.parse` to do with what was found small enough.
 *
 * Finds what `JSON.parse` passes over in silence: a key that occurs twice in one object, `__proto__`, a `constructor` that
 * holds a `prototype`, and integers that change when they are read (IETF RFC 8259, section 6). Counts what a parser would
 * have to build.
 */
export const scanJson = (text: string, options: ScanOptions): JsonScan => new Scanner(text, options).scan(text.length)

/** The same in turns, for a text so long that a scan in one go would hold up everything else. */
export const scanLongJson = async (text: string, options: ScanOptions, turns: Turns): Promise<JsonScan> => {
  const scanner = new Scanner(text, options)
  for (let until = 0; until < text.length;) {
    until += charactersBetweenLooks
    if (scanner.scan(until).kind !== 'scanned') break
    if (turns.isOver()) await turns.rest()
  }
  return scanner.scan(text.length)
}

/** Some milliseconds' worth where every key is compared. */
const charactersBetweenLooks = 16_384

class Scanner {
  readonly #text: string
  readonly #options: ScanOptions
  #at = 0
  #end: Extract<JsonScan, { readonly kind: 'forbidden' | 'too-many-items' }> | undefined
  readonly #frames: Frame[] = []
  readonly #items: JsonItem[] = []
  /** Containers that are open beyond those that have a frame. */
  #unframed = 0
  #facts = newFacts()
  readonly #wholeFacts = this.#facts
  #itemStart: number | undefined
  #isInPayload = false

  constructor(text: string, options: ScanOptions) {
    this.#text = text
    this.#options = options
  }

  /** Goes on to a character at or after `until`; answers what was found up to there. */
  scan(until: number): JsonScan {
    const text = this.#text
    const stop = Math.min(until, text.length)
    let at = this.#at
    for (; at < stop && this.#end === undefined; at += 1) {
      const code = text.charCodeAt(at)
      if (code === quote) at = this.#string(at)
      else if (code === 0x7b || code === 0x5b) this.#open(code === 0x7b ? 'object' : 'array', at)
      else if (code === 0x7d || code === 0x5d) this.#close(at)
      else if (code === 0x2c) this.#comma(at)
      else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) at = this.#number(at)
      else if (code > 0x20 && code !== 0x3a) this.#begin(at)
    }
    this.#at = at
    if (this.#end !== undefined) return this.#end
    const ending = this.#unframed + this.#frames.length === 0 ? 'closed' : 'open'
    return { kind: 'scanned', facts: this.#wholeFacts, items: this.#items, ending }
  }

  /** A value begins: the first of a container counts here, the others by their commas. */
  #begin(at: number): void {
    const frame = this.#frames.at(-1)
    if (this.#unframed > 0 || frame === undefined) return
    if (this.#itemStart === undefined && this.#isItemList(frame)) {
      if (this.#items.length === this.#options.itemsMax) this.#end = { kind: 'too-many-items' }
      frame.index = 0
      this.#itemStart = at
      this.#facts = newFacts()
      this.#isInPayload = false
    } else if (frame.kind === 'array' && frame.index < 0) {
      frame.index = 0
      this.#count()
    }
  }

  #isItemList(frame: Frame): boolean {
    return frame.kind === 'array' && this.#frames.length === 2 && this.#frames[0]?.key === this.#options.itemsIn
  }

  #count(): void {
    this.#facts.members += 1
    if (!this.#isInPayload || this.#frames.length === this.#base() + 1) this.#facts.membersBesidePayload += 1
    if (this.#facts.members > this.#options.membersMax) this.#skip()
  }

  /** From here on only the end of the whole, or of the item, is looked for. */
  #skip(): void {
    const base = this.#base()
    this.#unframed += this.#frames.length - base
    this.#frames.length = base
  }

  /** How many frames lie around the outermost container of the facts at hand. */
  #base(): number {
    return this.#itemStart === undefined ? 0 : 2
  }

  #open(kind: 'object' | 'array', at: number): void {
    this.#begin(at)
    if (this.#unframed === 0 && this.#frames.length - this.#base() >= this.#options.containersMax) {
      this.#facts.tooDeepAt ??= this.#pointer(1)
      this.#unframed = 1
    } else if (this.#unframed > 0) this.#unframed += 1
    else this.#frames.push(newFrame(kind))
  }

  #close(at: number): void {
    if (this.#unframed > 0) {
      this.#unframed -= 1
      return
    }
    const frame = this.#frames.at(-1)
    if (frame !== undefined && this.#isItemList(frame)) this.#endItem(at)
    this.#frames.pop()
  }

  #comma(at: number): void {
    const frame = this.#frames.at(-1)
    if (this.#unframed > 0 || frame === undefined) return
    if (this.#isItemList(frame)) this.#endItem(at)
    else if (frame.kind === 'object') frame.expects = 'key'
    else {
      frame.index += 1
      this.#count()
    }
  }

  #endItem(at: number): void {
    if (this.#itemStart === undefined) return
    this.#items.push({ ...this.#facts, start: this.#itemStart, end: at })
    this.#itemStart = undefined
    this.#facts = this.#wholeFacts
  }

  /** Answers where the string ends. */
  #string(start: number): number {
    const end = this.#endOfString(start)
    const frame = this.#frames.at(-1)
    if (this.#unframed > 0) return end
    if (frame?.kind === 'object' && frame.expects === 'key') {
      const key = this.#readText(start, end)
      if (this.#frames.length === this.#base() + 1) this.#isInPayload = key === 'payload'
      this.#judgeKey(frame, key)
      frame.expects = 'value'
      this.#count()
    } else this.#begin(start)
    return end
  }

  /** At the first quote that an even number of backslashes stands before. */
  #endOfString(start: number): number {
    const text = this.#text
    for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
      let first = end
      while (text.charCodeAt(first - 1) === backslash) first -= 1
      if ((end - first) % 2 === 0) return end
    }
    return text.length
  }

  #readText(start: number, end: number): string {
    const written = this.#text.slice(start + 1, end)
    if (!written.includes('\\')) return written
    try {
      return String(JSON.parse(`"${written}"`))
    } catch {
      return written
    }
  }

  #judgeKey(frame: Frame, key: string): void {
    const around = this.#frames.at(-2)
    if (key === '__proto__') this.#forbid('A key is __proto__.')
    // A constructor that holds a list holds no prototype.
    else if (key === 'prototype' && around?.kind === 'object' && around.key === 'constructor') {
      this.#forbid('A constructor holds a prototype.')
    } else if (isKnown(frame, key)) this.#forbid('A key occurs twice in one object.')
    frame.key = key
  }

  #forbid(detail: string): void {
    this.#end = { kind: 'forbidden', detail }
  }

  /** Answers where the number ends. */
  #number(start: number): number {
    const text = this.#text
    let end = start
    let digitsOnly = true
    for (let code = text.charCodeAt(end + 1); isOfNumber(code); code = text.charCodeAt(end + 1)) {
      if (code < 0x30 || code > 0x39) digitsOnly = false
      end += 1
    }
    this.#begin(start)
    if (!digitsOnly || end - start < exactDigits || this.#facts.inexact.length >= inexactMax) return end
    if (!isExactInteger(text.slice(start, end + 1))) this.#facts.inexact.push(this.#pointer())
    return end
  }

  /** To the value at hand, from the outermost container of the facts; `segments` keeps the first of it. */
  #pointer(segments = Number.POSITIVE_INFINITY): string {
    const frames = this.#frames.slice(this.#base()).slice(0, segments)
    const parts = frames.map(({ kind, key, index }) => (kind === 'object' ? key : String(Math.max(index, 0))))
    return parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  }
}

const newFrame = (kind: Frame['kind']): Frame => ({
  kind,
  keys: [],
  keySet: undefined,
  key: '',
  index: -1,
  expects: kind === 'object' ? 'key' : 'value',
})

const isKnown = (frame: Frame, key: string): boolean => {
  if (frame.keySet === undefined && frame.keys.length >= keysComparedMax) frame.keySet = new Set(frame.keys)
  if (frame.keySet?.has(key) ?? frame.keys.includes(key)) return true
  if (frame.keySet === undefined) frame.keys.push(key)
  else frame.keySet.add(key)
  return false
}

interface MutableFacts {
  tooDeepAt: string | undefined
  members: number
  membersBesidePayload: number
  inexact: string[]
}

const newFacts = (): MutableFacts => ({ tooDeepAt: undefined, members: 0, membersBesidePayload: 0, inexact: [] })
