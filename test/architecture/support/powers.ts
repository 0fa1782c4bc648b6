import { type Checker, SignatureKind, type Symbol, type Type } from 'typescript/unstable/sync'

/** What has methods and is data all the same: of the language, of Node, and schemas. */
const homesOfData = /\/(@typescript|node_modules\/(typescript|@types\/node|undici-types|zod))\//

export interface Powers {
  /** Whether a member of it is a function, or an object with a function: a port, a logger, a pool, a callback. */
  canAct(type: Type | undefined): boolean
}

export const createPowers = (checker: Checker): Powers => {
  const isDataOnly = (symbol: Symbol): boolean => symbol.declarations.every(({ path }) => homesOfData.test(path))
  const toMembers = (type: Type): readonly Type[] => {
    const symbols = checker.getPropertiesOfType(type).filter((symbol) => !isDataOnly(symbol))
    return symbols.length === 0 ? [] : checker.getTypeOfSymbol(symbols).filter((member) => member !== undefined)
  }
  // Every question to the checker goes to another process and back: none is asked twice.
  const isFunction = oncePerType((type) => checker.getSignaturesOfType(type, SignatureKind.Call).length > 0)
  const hasMethod = oncePerType((type) => toMembers(type).some((member) => toObjects(member).some(isFunction)))
  const canAct = oncePerType((type) =>
    toMembers(type).some((member) => toObjects(member).some((object) => isFunction(object) || hasMethod(object))),
  )
  return { canAct: (type) => type !== undefined && toObjects(type).some(canAct) }
}

const toObjects = (type: Type): readonly Type[] => {
  if (type.isUnionType() || type.isIntersectionType()) return type.getTypes().flatMap(toObjects)
  return type.isObjectType() ? [type] : []
}

const oncePerType = (judge: (type: Type) => boolean): ((type: Type) => boolean) => {
  const judged = new Map<number, boolean>()
  return (type) => {
    const known = judged.get(type.id)
    if (known !== undefined) return known
    const found = judge(type)
    judged.set(type.id, found)
    return found
  }
}
