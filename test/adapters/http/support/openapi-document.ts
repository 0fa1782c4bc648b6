import { z } from 'zod'

const media = z.looseObject({
  schema: z.looseObject({}).optional(),
  example: z.unknown().optional(),
  examples: z.record(z.string(), z.looseObject({ value: z.unknown() })).optional(),
})

const parameter = z.looseObject({ in: z.string(), name: z.string(), schema: z.looseObject({}) })

const operation = z.looseObject({
  operationId: z.string(),
  parameters: z.array(parameter).optional(),
  requestBody: z.looseObject({ content: z.record(z.string(), media) }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: z.record(z.string(), media) })),
})

/** An OpenAPI document, as far as tests look at it. */
export const openApi = z.looseObject({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
})

export type OpenApi = z.infer<typeof openApi>
export type Operation = z.infer<typeof operation>
export type Media = z.infer<typeof media>

/** Validators made from the document alone: what a client would build from it. */
export const createValidators = (document: OpenApi): ((schema: object) => z.ZodType) => {
  const made = new Map<object, z.ZodType>()
  return (schema) => {
    const known = made.get(schema)
    if (known !== undefined) return known
    const inlined = { ...schema, $defs: document.components.schemas }
    const text = JSON.stringify(inlined).replaceAll('#/components/schemas/', '#/$defs/')
    const validator = z.fromJSONSchema(z.record(z.string(), z.unknown()).parse(JSON.parse(text)))
    made.set(schema, validator)
    return validator
  }
}

/** Method, path and description of every operation. */
export const operationsOf = (document: OpenApi): readonly (readonly [string, string, Operation])[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => [method, path, described] as const),
  )
