import type { Instant } from '#domain/time.ts'

/**
 * A caller's name for one request to submit a task: the append that brings it makes the only task under it for as long as
 * the key is kept.
 */
export interface SubmitKey {
  /** The owner of the key: equal keys of different scopes are different keys. At most 400 UTF-16 code units. */
  readonly scope: string
  /** 1 to 400 UTF-16 code units. */
  readonly key: string
  /** SHA-256 of the request, as 64 lower-case hexadecimal digits: tells a repetition from another request. */
  readonly fingerprint: string
}

/** How long a key is kept at least, by the store's clock: 48 hours. */
export const keyAgeMsMin = 172_800_000

/** Two texts of this length are few enough bytes for one entry of an index. */
const keyCharactersMax = 400

/** Why no store can keep a key, in a few words; undefined when it can. */
export const judgeKey = ({ scope, key, fingerprint }: SubmitKey): string | undefined => {
  for (const text of [scope, key]) {
    if (text.includes('\0') || !text.isWellFormed()) return 'a key with a NUL character or half a surrogate pair'
    if (text.length > keyCharactersMax) return `a key of more than ${keyCharactersMax} characters`
  }
  if (key === '') return 'an empty key'
  return /^[0-9a-f]{64}$/.test(fingerprint) ? undefined : 'a fingerprint that is no SHA-256'
}

/** The keys in use. The event store writes them, in the transaction that stores their task. */
export interface SubmitKeys {
  /**
   * Forgets up to `countMax` keys that were taken before that instant, the oldest first, and answers how many. A forgotten
   * key may be taken anew. Throws StoreUnavailableError.
   */
  purge(takenBefore: Instant, countMax: number): Promise<number>
}
