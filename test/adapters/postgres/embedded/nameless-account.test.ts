import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeCluster } from '#adapters/postgres/embedded/cluster.ts'
import { findPostgresBinaries } from '#adapters/postgres/embedded/postgres-binaries.ts'
import { openPasswords } from '#adapters/postgres/embedded/server-password.ts'
import { silentLogger } from '../../../support/silent-logger.ts'

const isRoot = process.getuid?.() === 0

// Only root can run something under another number.
test.runIf(isRoot)(
  'a first start under a number that has no name says what PostgreSQL lacks, and what to do',
  async () => {
    const account = { name: '54321', uid: 54_321, gid: 54_321 }
    const folder = await mkdtemp(join(tmpdir(), 'taskfold-nameless-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o755)
    await chown(folder, account.uid, account.gid)
    const place = { folder, cluster: join(folder, 'postgres'), account }
    const binaries = await findPostgresBinaries({ account, copiesIn: folder, logger: silentLogger })
    await openPasswords(place)
    const made = makeCluster(place, binaries)
    await expect(made).rejects.toThrow(
      /could not make .*: the account with the number 54321 has no name on this system.*set DATABASE_URL$/,
    )
  },
)
