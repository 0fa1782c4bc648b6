/** Whether a double holds exactly the integer of these digits, or gives it back as it is written. */
export const isExactInteger = (digits: string): boolean => {
  if (digits.length > doubleDigitsMax) return false
  const value = Number(digits)
  if (Number.isSafeInteger(value) || String(value) === digits) return true
  return Number.isFinite(value) && BigInt(value) === BigInt(digits)
}

/** Every integer of so many digits is held exactly. */
export const exactDigits = 15
/** No double has more before its point, a sign included. */
const doubleDigitsMax = 310

/** JSON's digits, sign, point and exponent. */
export const isOfNumber = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === 0x2d
