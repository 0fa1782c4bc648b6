/** Whether a value in an answer has the shape that its member should have. */
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

/** An object with these members, each present and passing its check. More are allowed, so that servers may grow. */
export const objectOf =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(members).every(([name, check]) => Object.hasOwn(value, name) && check(Reflect.get(value, name)))

/** A member of a value in an answer; undefined without it. */
export const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
