import { setTimeout as sleep } from 'node:timers/promises'
import { answerCommands } from './answer-commands.ts'
import { makePayload, type Submitter } from './contender.ts'
import { findContender } from './contenders.ts'
import type { Command } from './messages.ts'
import { warmUp } from './warm-up.ts'

const singlesInFlight = 64
const tasksPerCall = 500
const callsInFlight = 4
const pacedIntervalMs = 10

/** A submitter process: `node submitter.ts <contender>`, started by the run. */
const serve = async (name: string): Promise<void> => {
  const contender = await findContender(name)
  let submitter: Submitter | undefined

  answerCommands(async (command) => {
    if (command.kind === 'warm-up') await warmUp(contender, command.setup)
    else if (command.kind === 'open') submitter = await contender.openSubmitter(command.setup)
    else if (command.kind === 'close') await submitter?.close()
    else if (command.kind === 'submit' && submitter !== undefined) return { tasks: await submit(submitter, command) }
    else throw new Error(`a submitter does not ${command.kind}`)
    return {}
  })
}

type Submit = Extract<Command, { readonly kind: 'submit' }>

const submit = (submitter: Submitter, command: Submit): Promise<number> => {
  if (command.how === 'paced') return submitPaced(submitter, command)
  if (command.how === 'single') return submitInLanes(command, singlesInFlight, 1, () => submitter.submit(makePayload()))
  return submitInLanes(command, callsInFlight, tasksPerCall, (count) =>
    submitter.submitMany(Array.from({ length: count }, () => makePayload())),
  )
}

/** Each lane begins a call as soon as its last one is done. Answers how many tasks were submitted. */
const submitInLanes = async (
  { tasksMax, limitMs }: Submit,
  lanes: number,
  tasksPerLaneCall: number,
  call: (count: number) => Promise<void>,
): Promise<number> => {
  const endsAt = performance.now() + limitMs
  let begun = 0
  const runLane = async (): Promise<void> => {
    while (begun < tasksMax && performance.now() < endsAt) {
      const count = Math.min(tasksPerLaneCall, tasksMax - begun)
      begun += count
      await call(count)
    }
  }
  await Promise.all(Array.from({ length: lanes }, runLane))
  return begun
}

/** One every ten milliseconds of the clock, whether the last one is done or not. */
const submitPaced = async (submitter: Submitter, { tasksMax }: Submit): Promise<number> => {
  const startedAt = performance.now()
  const calls: Promise<void>[] = []
  for (let index = 0; index < tasksMax; index += 1) {
    await sleep(Math.max(0, startedAt + index * pacedIntervalMs - performance.now()))
    calls.push(submitter.submit(makePayload()))
  }
  await Promise.all(calls)
  return tasksMax
}

await serve(process.argv[2] ?? '')
