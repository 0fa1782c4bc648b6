import { readFileSync } from 'node:fs'
import { parseSync } from '@swc/core'

/**
 * Every specifier a TypeScript file imports from, types included: `import`, `export … from`, `import()`, `import('…')` as
 * a type, `require()` of a literal. Reads the file by itself, so that it can tell what another reader overlooked.
 */
export const readSpecifiers = (path: string): readonly string[] => {
  const specifiers: string[] = []
  visit(parseSync(readFileSync(path, 'utf8'), { syntax: 'typescript' }).body, (node) => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) specifiers.push(specifier)
  })
  return specifiers
}

type Node = Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

const visit = (value: unknown, see: (node: Node) => void): void => {
  if (!isNode(value)) return
  see(value)
  for (const child of Object.values(value)) visit(child, see)
}

const specifierOf = (node: Node): string | undefined => {
  switch (node['type']) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return textOf(node['source'])
    case 'TsImportType':
      return textOf(node['argument'])
    case 'TsExternalModuleReference':
      return textOf(node['expression'])
    case 'CallExpression':
      return isImporting(node['callee']) ? textOf(firstArgumentOf(node)) : undefined
    default:
      return undefined
  }
}

const isImporting = (callee: unknown): boolean =>
  isNode(callee) && (callee['type'] === 'Import' || callee['value'] === 'require')

const firstArgumentOf = (call: Node): unknown => {
  const first: unknown = Array.isArray(call['arguments']) ? call['arguments'][0] : undefined
  return isNode(first) ? first['expression'] : undefined
}

const textOf = (literal: unknown): string | undefined => {
  if (!isNode(literal)) return undefined
  if (literal['type'] === 'StringLiteral') return String(literal['value'])
  const [only, ...others] = Array.isArray(literal['quasis']) ? literal['quasis'] : []
  return isNode(only) && others.length === 0 ? String(only['cooked']) : undefined
}
