import type { MigrationState } from '#application/ports/diagnostics.ts'
import type { Applied, AppliedFunction } from './applied.ts'
import type { SchemaFile, SchemaFiles } from './schema-files.ts'

/** What `migrate` would do. */
export interface SchemaChanges {
  readonly migrations: readonly SchemaFile[]
  /** To be made, or made anew. */
  readonly functions: readonly SchemaFile[]
  /** The names of functions that the release no longer has. */
  readonly dropped: readonly string[]
}

/** Every database that was made before the first release has this migration, and no other database has it. */
const migrationBeforeReleases = '0001_routes'

/**
 * How a database stands to the files of a release.
 *
 * A migration that the release does not have was applied by a later one. A function that differs was applied by a later
 * release when its recorded version says so: an earlier release that starts, in the middle of a rolling deploy, must not put
 * its own text back under processes of the later one.
 */
export const compareSchema = (files: SchemaFiles, applied: Applied, release: string): MigrationState => {
  if (applied.migrations.includes(migrationBeforeReleases)) {
    return { kind: 'unsupported', name: migrationBeforeReleases }
  }
  const known = new Set(files.migrations.map(({ name }) => name))
  const later = [
    ...applied.migrations.filter((name) => !known.has(name)),
    ...applied.functions.filter((stored) => isOfLater(release, stored, files.functions)).map(toLabel),
  ]
  if (later.length > 0) return { kind: 'later-release', names: later }
  const { migrations, functions, dropped } = findChanges(files, applied)
  const names = [
    ...migrations.map(({ name }) => name),
    ...functions.map(toLabel),
    ...dropped.map((name) => toLabel({ name })),
  ]
  return names.length === 0 ? { kind: 'current' } : { kind: 'pending', names }
}

export const findChanges = (files: SchemaFiles, applied: Applied): SchemaChanges => {
  const checksums = new Map(applied.functions.map(({ name, checksum }) => [name, checksum]))
  const known = new Set(files.functions.map(({ name }) => name))
  return {
    migrations: files.migrations.filter(({ name }) => !applied.migrations.includes(name)),
    functions: files.functions.filter(({ name, checksum }) => checksums.get(name) !== checksum),
    dropped: applied.functions.map(({ name }) => name).filter((name) => !known.has(name)),
  }
}

const toLabel = ({ name }: { readonly name: string }): string => `functions/${name}`

const isOfLater = (release: string, stored: AppliedFunction, functions: readonly SchemaFile[]): boolean => {
  const own = functions.find(({ name }) => name === stored.name)
  return own?.checksum !== stored.checksum && compareReleases(stored.release, release) > 0
}

/** Orders versions as semantic versioning does: 0.9.0 before 0.10.0-beta.1 before 0.10.0. Build metadata do not count. */
const compareReleases = (a: string, b: string): number => {
  const [left, right] = [toParts(a), toParts(b)]
  const byNumbers = left.numbers.localeCompare(right.numbers, 'en', { numeric: true })
  if (byNumbers !== 0) return byNumbers
  if (left.prerelease === undefined || right.prerelease === undefined) {
    return Number(left.prerelease === undefined) - Number(right.prerelease === undefined)
  }
  return left.prerelease.localeCompare(right.prerelease, 'en', { numeric: true })
}

const toParts = (version: string): { readonly numbers: string; readonly prerelease: string | undefined } => {
  const [plain = ''] = version.split('+')
  const hyphen = plain.indexOf('-')
  return hyphen < 0
    ? { numbers: plain, prerelease: undefined }
    : { numbers: plain.slice(0, hyphen), prerelease: plain.slice(hyphen + 1) }
}
