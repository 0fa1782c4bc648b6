import { execFile } from 'node:child_process'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeCluster } from '#adapters/postgres/embedded/cluster.ts'
import { findPostgresBinaries } from '#adapters/postgres/embedded/postgres-binaries.ts'
import { findServerAccount } from '#adapters/postgres/embedded/server-account.ts'
import { openPasswords } from '#adapters/postgres/embedded/server-password.ts'
import { silentLogger } from './silent-logger.ts'

/**
 * A cluster that was never started, with its password, as a first start makes it: what servers of tests begin with. Making one
 * takes seconds, a copy tenths of one. Every process of a test run finds it by this variable.
 */
const variable = 'TEST_POSTGRES_TEMPLATE'

/** Makes the template of a test run; what it answers removes it. Without PostgreSQL there is none, and nothing needs one. */
export const provideClusterTemplate = async (): Promise<() => Promise<void>> => {
  const account = await findServerAccount()
  const folder = await mkdtemp(join(tmpdir(), 'taskfold-template-'))
  const remove = (): Promise<void> => {
    delete process.env[variable]
    return rm(folder, { recursive: true, force: true })
  }
  try {
    await chmod(folder, 0o700)
    if (account !== undefined) await chown(folder, account.uid, account.gid)
    const place = { folder, cluster: join(folder, 'postgres'), account }
    const binaries = await findPostgresBinaries({ account, copiesIn: folder, logger: silentLogger })
    await openPasswords(place)
    await makeCluster(place, binaries)
    process.env[variable] = folder
  } catch {
    // Whoever needs a server says why there is none.
    await remove()
  }
  return remove
}

/** Puts a copy of the template into a folder that exists, with all owners; answers whether there is a template. */
export const copyClusterTemplate = async (folder: string): Promise<boolean> => {
  const template = process.env[variable]
  if (template === undefined) return false
  const parts = ['postgres', 'postgres-password'].map((name) => join(template, name))
  await promisify(execFile)('cp', ['-Rp', ...parts, folder])
  return true
}
