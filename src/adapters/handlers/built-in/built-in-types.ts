/** Every type that comes with the product, those for trying out first. */
export const builtInTypes = ['demo.echo', 'demo.sleep', 'demo.fail', 'http.request', 'email.send'] as const

export type BuiltInType = (typeof builtInTypes)[number]
