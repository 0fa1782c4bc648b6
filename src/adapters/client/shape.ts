/** Whether a value out of an answer is what one member should be. */
export type Check = (value: unknown) => boolean

export const isText: Check = (value) => typeof value === 'string'
export const isWhole: Check = (value) => Number.isSafeInteger(value)
export const isList: Check = (value) => Array.isArray(value)
export const isAnything: Check = () => true
export const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
export const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value)
export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every((item) => check(item))

/** An object with these members, each present and as its check asks; more members do no harm, so that servers may grow. */
export const objectOf =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(members).every(([name, check]) => Object.hasOwn(value, name) && check(Reflect.get(value, name)))

/** The member of an object out of an answer, or undefined. */
export const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
