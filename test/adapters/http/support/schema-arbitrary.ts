import fc from 'fast-check'
import { z } from 'zod'

/** The part of JSON Schema that our document uses. */
const schemaShape = z.looseObject({
  $ref: z.string().optional(),
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  items: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
})

type Schema = z.infer<typeof schemaShape>
type Schemas = Readonly<Record<string, unknown>>

/** Values that fit a schema of a document whose named schemas are `schemas`, as far as a schema can tell. */
export const fromSchema = (given: unknown, schemas: Schemas): fc.Arbitrary<unknown> => {
  const schema = schemaShape.parse(given)
  if (schema.$ref !== undefined) return fromSchema(schemas[schema.$ref.split('/').at(-1) ?? ''], schemas)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  switch (schema.type ?? 'anything') {
    case 'string':
      return strings(schema)
    case 'integer':
      return fc.integer({
        min: Math.max(schema.minimum ?? 0, Number.MIN_SAFE_INTEGER),
        max: Math.min(schema.maximum ?? 1_000, Number.MAX_SAFE_INTEGER),
      })
    case 'array':
      return fc.array(fromSchema(schema.items ?? {}, schemas), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, 5),
      })
    case 'object':
      return objects(schema, schemas)
    default:
      return fc.jsonValue({ maxDepth: 4 })
  }
}

const objects = ({ properties = {}, required = [] }: Schema, schemas: Schemas): fc.Arbitrary<unknown> => {
  const members = Object.entries(properties).map(([key, member]) => [key, fromSchema(member, schemas)] as const)
  return fc.record(Object.fromEntries(members), { requiredKeys: required })
}

const strings = ({ pattern, format, minLength = 0, maxLength = 20 }: Schema): fc.Arbitrary<string> => {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  if (format === 'date-time') return fc.date({ noInvalidDate: true, ...years }).map((date) => date.toISOString())
  if (format === 'uuid') return fc.uuid()
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 20) })
}

const years = { min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z') }
