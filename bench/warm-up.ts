import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, makePayload, type Setup } from './contender.ts'

const tasksPerCall = 250
/** At a hundred tasks a second nothing needs to be compiled well, and not everybody is quick who is set up for it. */
const calls = { throughput: 80, latency: 4 } as const
const singles = 500
const pollMs = 10

/** Has this process submit and run enough tasks, in every way, for its code to be compiled before anything is measured. */
export const warmUp = async (contender: Contender, setup: Setup): Promise<void> => {
  const inspector = await contender.openInspector(setup)
  const submitter = await contender.openSubmitter(setup)
  const worker = await contender.openWorker(setup, () => {})
  await worker.start()
  for (let call = 0; call < calls[setup.aim]; call += 1) {
    await submitter.submitMany(Array.from({ length: tasksPerCall }, () => makePayload()))
  }
  await Promise.all(Array.from({ length: singles }, () => submitter.submit(makePayload())))
  while (await inspector.hasUnfinished()) await sleep(pollMs)
  await Promise.all([inspector.close(), submitter.close(), worker.close()])
}
