import type { ContextOptions, GetOptions } from './options.ts'

/** Headers carry bytes, which `fetch` takes a character each. */
const toHeaderText = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))

/** `X-Actor` and `X-Reason`. */
export const toContextHeaders = ({ actor, reason }: ContextOptions): Readonly<Record<string, string>> => ({
  ...(actor !== undefined && { 'x-actor': toHeaderText(actor) }),
  ...(reason !== undefined && { 'x-reason': toHeaderText(reason) }),
})

/** The query that asks for the past. */
export const toAsOf = ({ asOfVersion, asOf }: GetOptions): Readonly<Record<string, string>> => ({
  ...(asOfVersion !== undefined && { asOfVersion: String(asOfVersion) }),
  ...(asOf !== undefined && { asOf: asOf instanceof Date ? asOf.toISOString() : asOf }),
})
