import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The files of a release. */
export interface SchemaFiles {
  /** In the order in which they are applied. */
  readonly migrations: readonly SchemaFile[]
  readonly functions: readonly SchemaFile[]
}

export interface SchemaFile {
  /** Of the file, without `.sql`; of a function also the function's. */
  readonly name: string
  readonly text: string
  /** SHA-256, in hexadecimal digits. */
  readonly checksum: string
}

/** Reads a folder of migrations and its subfolder `functions`. Hidden files and files of other kinds are passed over. */
export const readSchemaFiles = async (folder: string): Promise<SchemaFiles> => ({
  migrations: await readSqlFiles(folder),
  functions: await readSqlFiles(join(folder, 'functions')),
})

const readSqlFiles = async (folder: string): Promise<readonly SchemaFile[]> => {
  const files = (await readdir(folder)).filter((file) => /^[^.].*\.sql$/.test(file)).sort()
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8')
      return { name: file.slice(0, -'.sql'.length), text, checksum: createHash('sha256').update(text).digest('hex') }
    }),
  )
}
