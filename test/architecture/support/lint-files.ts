import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { project, runTool } from './run-tool.ts'

/** The rules each file breaks, by the file's path. A file that breaks none is not in it. */
export type Findings = ReadonlyMap<string, readonly string[]>

/**
 * Lints files by the project's configuration as if they stood at these paths of the project.
 *
 * They are written to a folder of their own beside a copy of the configuration, because its overrides go by path.
 */
export const lintFiles = async (files: Readonly<Record<string, string>>): Promise<Findings> => {
  const root = await mkdtemp(join(tmpdir(), 'taskfold-lint-'))
  try {
    await copyFile(join(project, '.oxlintrc.json'), join(root, '.oxlintrc.json'))
    for (const [path, source] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), source)
    }
    return parseFindings(await runTool('oxlint', ['--format', 'unix'], root))
  } finally {
    await rm(root, { recursive: true })
  }
}

/** Reads lines such as `src/domain/a.ts:2:1: Unexpected use. [Error/eslint(no-restricted-globals)]`. */
const parseFindings = (output: string): Findings => {
  const findings = new Map<string, string[]>()
  for (const [, path, rule] of output.matchAll(/^(\S+?):\d+:\d+: .*\[Error\/(\S+)\]$/gm)) {
    if (path === undefined || rule === undefined) continue
    findings.set(path, [...(findings.get(path) ?? []), rule])
  }
  return findings
}
