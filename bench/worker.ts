import { setInterval } from 'node:timers'
import { answerCommands, reply } from './answer-commands.ts'
import { nowNs, type Setup, type Worker } from './contender.ts'
import { findContender } from './contenders.ts'
import { warmUp } from './warm-up.ts'

const progressMs = 5

/** A worker process: `node worker.ts <contender>`, started by the run. */
const serve = async (name: string): Promise<void> => {
  const contender = await findContender(name)
  const latenciesMs: number[] = []
  let begun = 0
  let told = 0
  let worker: Worker | undefined

  const open = (setup: Setup): Promise<Worker> => {
    const countOnly = () => void (begun += 1)
    const measure = (payload: unknown) => {
      const now = nowNs()
      begun += 1
      latenciesMs.push((now - sentAtOf(payload)) / 1e6)
    }
    return contender.openWorker(setup, setup.aim === 'latency' ? measure : countOnly)
  }
  setInterval(() => {
    if (told === begun) return
    told = begun
    void reply({ kind: 'progress', begun })
  }, progressMs)

  answerCommands(async (command) => {
    if (command.kind === 'warm-up') await warmUp(contender, command.setup)
    else if (command.kind === 'open') worker = await open(command.setup)
    else if (command.kind === 'start') await worker?.start()
    else if (command.kind === 'close') await worker?.close()
    else throw new Error(`a worker does not ${command.kind}`)
    return { tasks: begun, latenciesMs: command.kind === 'close' ? latenciesMs : [] }
  })
}

const sentAtOf = (payload: unknown): number => {
  if (typeof payload === 'object' && payload !== null && 'sentAt' in payload && typeof payload.sentAt === 'number') {
    return payload.sentAt
  }
  throw new Error('a task came without its payload')
}

await serve(process.argv[2] ?? '')
