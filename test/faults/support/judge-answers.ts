import type { Told } from './clients.ts'
import type { Judgement } from './judge.ts'
import type { Losses } from './losses.ts'

/** Each answer that showed a task at a version shows what its history says of that version. A promotion may have lost it. */
export const judgeAnswers = (
  told: readonly Told[],
  { statusesOf }: Pick<Judgement, 'statusesOf'>,
  losses: Pick<Losses, 'mayHaveLost'>,
): readonly string[] =>
  told
    .filter(({ atMs }) => !losses.mayHaveLost(atMs))
    .filter(({ taskId, version, status }) => statusesOf.get(taskId)?.[version - 1] !== status)
    .slice(0, faultsMax)
    .map(({ taskId, version, status }) => {
      const found = statusesOf.get(taskId)?.[version - 1] ?? 'not there'
      return `version ${version} of ${taskId} was shown as ${status} and is ${found}`
    })

const faultsMax = 20
