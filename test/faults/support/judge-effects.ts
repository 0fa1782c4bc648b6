import type { Delivery, EffectReceiver, HeardRun } from './effect-receiver.ts'
import type { Judgement } from './judge.ts'
import type { Losses } from './losses.ts'

/**
 * What was heard outside against what the histories say. A promotion may have lost that a run began, or a whole task whose
 * caller then submits it anew, so what spans one is not judged.
 */
export const judgeEffects = (
  { runs, deliveries }: Pick<EffectReceiver, 'runs' | 'deliveries'>,
  { taskOf, startsOf, deliveredBy }: Pick<Judgement, 'taskOf' | 'startsOf' | 'deliveredBy'>,
  losses: Pick<Losses, 'spanPromotion'>,
): readonly string[] => {
  const faults: string[] = []
  const runsOf = Map.groupBy(runs, ({ token }) => token)
  const deliveriesOf = Map.groupBy(deliveries, ({ token }) => token)
  for (const [token, heard] of runsOf) {
    const starts = startsOf.get(taskOf.get(token) ?? '') ?? 0
    if (heard.length <= starts || losses.spanPromotion(toTimes(heard))) continue
    faults.push(`${token} ran ${heard.length} times and was started ${starts} times`)
  }
  for (const [token, made] of deliveriesOf) {
    if (losses.spanPromotion(toTimes([...made, ...(runsOf.get(token) ?? [])]))) continue
    const keys = new Set(made.map(({ key }) => key))
    const heard = runsOf.get(token)?.length ?? 0
    const careful = made.filter(({ mode }) => mode === 'once').length
    if (careful > 1) faults.push(`the effect of ${token} was to happen once and was performed ${careful} times`)
    if (keys.size > 1) faults.push(`the effect of ${token} was performed under ${keys.size} keys`)
    if (made.length > heard) faults.push(`the effect of ${token} was performed ${made.length} times in ${heard} runs`)
  }
  return [...faults, ...findUnheard(deliveries, taskOf, deliveredBy)].slice(0, faultsMax)
}

const faultsMax = 20

const toTimes = (heard: readonly HeardRun[]): readonly number[] => heard.map(({ atMs }) => atMs)

/** Tasks that succeeded with an effect which nobody has heard of. */
const findUnheard = (
  deliveries: readonly Delivery[],
  taskOf: Judgement['taskOf'],
  deliveredBy: Judgement['deliveredBy'],
): readonly string[] => {
  const tokensOf = Map.groupBy(deliveries, ({ key }) => key)
  return [...deliveredBy].flatMap(([task, key]) => {
    const heard = tokensOf.get(key) ?? []
    if (heard.length === 0) return [`${task} succeeded with an effect that was never performed`]
    const foreign = heard.find(({ token }) => taskOf.get(token) !== task)
    return foreign === undefined ? [] : [`${task} and the task of ${foreign.token} share a key`]
  })
}
