import { join, relative } from 'node:path'
import {
  type Expression,
  type InterfaceDeclaration,
  isBinaryExpression,
  isBindingElement,
  isClassDeclaration,
  isConditionalExpression,
  isInterfaceDeclaration,
  isIntersectionTypeNode,
  isObjectBindingPattern,
  isObjectLiteralExpression,
  isParenthesizedExpression,
  isSpreadAssignment,
  isTypeAliasDeclaration,
  type Node,
  type SourceFile,
  type TypeAliasDeclaration,
} from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/sync'
import { createPowers } from './powers.ts'

/** A place that breaks a rule on who is handed what. */
export interface Breach {
  readonly rule: 'names-what-it-hands-on' | 'depends-on-few' | 'one-type-a-name'
  /** Below the root, such as `src/domain/rank.ts`. */
  readonly file: string
  /** What stands there: the spread, or the name of the type. */
  readonly what: string
}

/** More than this, and the thing does two jobs, or three of its dependencies are one thing. */
const dependenciesMax = 8

/**
 * The breaches in `src` of `root`, an absolute path. `config` is a tsconfig.json, absolute too, that includes these sources.
 *
 * - `names-what-it-hands-on`: a spread into an object literal, or the rest of an object taken apart, pours out a value that
 *   can do something. A reader of `{ ...deps }` cannot tell what is used of it; an adapter that is a class loses its
 *   methods in `{ ...port, method }`, and it compiles all the same. Types decide, not names: plain data may be spread.
 * - `depends-on-few`: an interface or type named `…Deps` has more than eight members, extends another, or joins several.
 * - `one-type-a-name`: two files export a type by one name. The client speaks for itself, so it is compared with itself.
 */
export const readBreaches = (root: string, config: string): readonly Breach[] => {
  using api = new DisposableStack()
  const typescript = api.adopt(new API(), (opened) => opened.close())
  const project = typescript.updateSnapshot({ openProjects: [config] }).getProject(config)
  if (project === undefined) throw new Error(`${config} was not opened`)
  const { checker, program } = project
  const powers = createPowers(checker)
  const paths = program.getSourceFileNames().filter((path) => path.startsWith(join(root, 'src/')))

  const files = paths.map((path) => {
    const source = program.getSourceFile(path)
    if (source === undefined) throw new Error(`${path} was not read`)
    return { file: relative(root, path), ...readSource(source) }
  })
  const isCrowded = (bag: Bag): boolean => {
    const type = checker.getTypeAtLocation(bag.name)
    return isJoined(bag) || type === undefined || checker.getPropertiesOfType(type).length > dependenciesMax
  }
  return [
    ...files.flatMap(({ file, poured }) => {
      const types = checker.getTypeAtLocation(poured.map(({ value }) => value))
      return poured
        .filter((_, index) => powers.canAct(types[index]))
        .map(({ text }): Breach => ({ rule: 'names-what-it-hands-on', file, what: text }))
    }),
    ...files.flatMap(({ file, bags }) =>
      bags.filter(isCrowded).map((bag): Breach => ({ rule: 'depends-on-few', file, what: bag.name.text })),
    ),
    ...findNamesakes(files),
  ]
}

type Bag = InterfaceDeclaration | TypeAliasDeclaration

const isJoined = (bag: Bag): boolean =>
  isInterfaceDeclaration(bag) ? bag.heritageClauses !== undefined : isIntersectionTypeNode(bag.type)

interface Poured {
  readonly value: Node
  readonly text: string
}

interface SeenInFile {
  /** The value of each spread into an object, and the rest of each object taken apart. */
  readonly poured: readonly Poured[]
  readonly bags: readonly Bag[]
  /** The names of the types that it declares and exports. */
  readonly exported: readonly string[]
}

const readSource = (source: SourceFile): SeenInFile => {
  const poured: Poured[] = []
  const bags: Bag[] = []
  const exported: string[] = []
  const visit = (node: Node): void => {
    const value = pouredIn(node)
    if (value !== undefined) poured.push({ value, text: node.getText(source) })
    if (isInterfaceDeclaration(node) || isTypeAliasDeclaration(node) || isClassDeclaration(node)) {
      const isExported = node.modifiers?.some((modifier) => modifier.getText(source) === 'export') ?? false
      if (isExported && node.name !== undefined) exported.push(node.name.text)
      if (!isClassDeclaration(node) && node.name.text.endsWith('Deps')) bags.push(node)
    }
    node.forEachChild(visit)
  }
  source.forEachChild(visit)
  return { poured, bags, exported }
}

const pouredIn = (node: Node): Node | undefined => {
  if (isSpreadAssignment(node)) return isWrittenOut(node.expression) ? undefined : node.expression
  const isRest = isBindingElement(node) && node.dotDotDotToken !== undefined && isObjectBindingPattern(node.parent)
  return isRest ? node.name : undefined
}

/** Whether the members stand in the spread itself, as in `...(key !== undefined && { key })`. */
const isWrittenOut = (value: Expression): boolean => {
  if (isParenthesizedExpression(value)) return isWrittenOut(value.expression)
  if (isConditionalExpression(value)) return isWrittenOut(value.whenTrue) && isWrittenOut(value.whenFalse)
  return isBinaryExpression(value) ? isWrittenOut(value.right) : isObjectLiteralExpression(value)
}

const findNamesakes = (files: readonly { readonly file: string; readonly exported: readonly string[] }[]) => {
  const places = files.flatMap(({ file, exported }) =>
    exported.map((name) => ({ file, name, side: file.startsWith('src/adapters/client/') ? 'client' : 'server' })),
  )
  return [...Map.groupBy(places, ({ side, name }) => `${side} ${name}`).values()]
    .filter((namesakes) => namesakes.length > 1)
    .flat()
    .map(({ file, name }): Breach => ({ rule: 'one-type-a-name', file, what: name }))
}
