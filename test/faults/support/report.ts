import { availableParallelism, loadavg } from 'node:os'
import type { CampaignOutcome } from './run-campaign.ts'
import type { StruckFault } from './strands.ts'

/** A campaign as Markdown: faults by kind with the times of recovery, what was submitted, and what was broken. */
export const toReport = (outcome: CampaignOutcome): string => {
  const { struck, judgement, acknowledged, lostWithLeader, statuses, feedBeginnings, deliveries, broken } = outcome
  const kinds = [...Map.groupBy(struck, ({ name }) => name)].toSorted(([a], [b]) => a.localeCompare(b))
  const minutes = Number((outcome.forMs / 60_000).toFixed(1))
  const beside = struck.filter(({ isBeside }) => isBeside).length
  return [
    `Seed ${outcome.seed}, ${minutes} minutes: ${struck.length} faults, ${beside} of them while another one lasted.`,
    `On ${availableParallelism()} cores under a load of ${(loadavg()[2] ?? 0).toFixed(0)}, other work included.`,
    `The database's disk is one that a ${outcome.diskKind} bounds.`,
    '',
    '| fault | times | back after, p50 | p99 | most |',
    '| ----- | ----: | --------------: | --: | ---: |',
    ...kinds.map(([name, faults]) => toRow(name, faults)),
    toRow('all', struck),
    '',
    `${judgement.tasks} tasks, ${judgement.events} events: ${toList(Object.entries(judgement.byStatus))}.`,
    `${acknowledged} submissions acknowledged, ${lostWithLeader} of them lost with a leader whose follower never had them.`,
    `${deliveries.keys} effects were performed with ${deliveries.calls} calls.`,
    `Answers: ${toList([...statuses].toSorted(([a], [b]) => a - b))} (0: none). The feed was begun ${feedBeginnings} times.`,
    '',
    broken.length === 0 ? 'No promise was broken.' : `${broken.length} promises were broken:`,
    ...broken.map((line) => `- ${line}`),
  ].join('\n')
}

const toRow = (name: string, faults: readonly StruckFault[]): string => {
  const times = faults.map(({ recoveredMs }) => recoveredMs).toSorted((a, b) => a - b)
  const at = (share: number): string => `${((times[Math.ceil(share * times.length) - 1] ?? 0) / 1_000).toFixed(1)} s`
  return `| ${name} | ${times.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`
}

const toList = (entries: readonly (readonly [string | number, number])[]): string =>
  entries.map(([name, count]) => `${name} ${count}`).join(', ')
