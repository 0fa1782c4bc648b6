import { describe, expect, it } from 'vitest'
import { hasRedisServer } from '../support/redis-server.ts'
import { hasFaketime } from '../support/steppable-postgres.ts'
import { toReport } from './support/report.ts'
import { runCampaign } from './support/run-campaign.ts'

/** A small dose of `npm run campaign`; another seed each day, and the report says which. */
const forMs = 20_000
const seed = Math.floor(Date.now() / 86_400_000)
const deadlineMs = 600_000

describe.runIf(hasFaketime() && hasRedisServer())(
  'an installation that is struck by one fault beside the other',
  () => {
    it(
      'keeps its promises',
      async () => {
        const outcome = await runCampaign({ forMs, seed, say: () => {} })
        expect(outcome.broken, `seed ${seed}\n${toReport(outcome)}`).toEqual([])
        expect(outcome.struck.length).toBeGreaterThan(0)
      },
      deadlineMs,
    )

    it(
      'is seen to break them when no append compares what it expects',
      async () => {
        const outcome = await runCampaign({ forMs, seed, say: () => {}, fence: 'taken-away', settleMsMax: 5_000 })
        expect(outcome.broken).toContainEqual(
          expect.stringMatching(/ran \d+ times and was started|and a history that comes to/),
        )
      },
      deadlineMs,
    )
  },
)
