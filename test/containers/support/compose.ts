import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One installation from docker-compose.yml with a project, a port, a tag and volumes of its own. */
export interface Composition {
  /** Of the API, on this host. */
  readonly url: string
  /** What is given to the containers and must be found in no output. */
  readonly password: string
  /** Runs Compose with these words; answers what it wrote. Throws with that when it fails. */
  readonly compose: (words: readonly string[], env?: Readonly<Record<string, string>>) => Promise<string>
  readonly docker: (words: readonly string[]) => Promise<string>
  /** The containers of a service that exist, ended ones included, by id. */
  readonly containersOf: (service: string) => Promise<readonly string[]>
  /** One value by one statement, asked in the database's own container. */
  readonly ask: (statement: string) => Promise<string>
  /** Removes containers, volumes and the image. */
  readonly remove: () => Promise<void>
}

const project = join(import.meta.dirname, '../../..')
const run = promisify(execFile)
const outputBytesMax = 64 * 1_048_576

export const createComposition = async (): Promise<Composition> => {
  const name = `taskfold-test-${randomBytes(4).toString('hex')}`
  const port = await findPort()
  // Every character that would mean something else in a URL, and one that would to Compose if it were written in the file.
  const password = `p@ss/w:rd?#%${randomBytes(4).toString('hex')}`
  const own = { POSTGRES_PASSWORD: password, TASKFOLD_PORT: String(port), TASKFOLD_TAG: name }
  const [program, ...first] = await findCompose()

  const compose: Composition['compose'] = async (words, env = {}) => {
    const options = {
      cwd: project,
      env: { ...process.env, BUILT_IN: 'demo.echo,demo.sleep', ...own, ...env },
      maxBuffer: outputBytesMax,
    }
    const { stdout, stderr } = await run(program, [...first, '-p', name, ...words], options)
    return stdout + stderr
  }
  const docker: Composition['docker'] = async (words) =>
    (await run('docker', [...words], { maxBuffer: outputBytesMax })).stdout.trim()

  return {
    url: `http://127.0.0.1:${port}`,
    password,
    compose,
    docker,
    containersOf: async (service) => {
      const filters = [`com.docker.compose.project=${name}`, `com.docker.compose.service=${service}`]
      const ids = await docker([
        'ps',
        '-aq',
        '--no-trunc',
        ...filters.flatMap((label) => ['--filter', `label=${label}`]),
      ])
      return ids.split('\n').filter((id) => id !== '')
    },
    ask: async (statement) => {
      const psql = ['psql', '-U', 'taskfold', '-d', 'taskfold', '-tAc', statement]
      return (await compose(['exec', '-T', 'postgres', ...psql])).trim()
    },
    remove: async () => {
      await compose(['down', '-v', '--remove-orphans', '-t', '5'])
      await docker(['image', 'rm', '-f', `taskfold:${name}`])
    },
  }
}

/** Compose is a plugin of Docker, or a program of its own where the plugin is missing. */
const findCompose = async (): Promise<readonly [string, ...string[]]> =>
  run('docker', ['compose', 'version']).then(
    () => ['docker', 'compose'],
    () => ['docker-compose'],
  )

const findPort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
