import { describe, expect, it } from 'vitest'
import { hasRedisServer } from '../support/redis-server.ts'
import { hasFaketime } from '../support/steppable-postgres.ts'
import { createDice } from './support/dice.ts'
import { toReport } from './support/report.ts'
import { runCampaign } from './support/run-campaign.ts'

/** A small dose of `npm run campaign`; another seed each day, and the report says which. */
const forMs = 20_000
const seed = Math.floor(Date.now() / 86_400_000)

describe('an installation that is struck by one fault after the other', () => {
  it.runIf(hasFaketime() && hasRedisServer())(
    'keeps its promises',
    async () => {
      const outcome = await runCampaign({ forMs, dice: createDice(seed), say: () => {} })
      expect(outcome.broken, `seed ${seed}\n${toReport(outcome)}`).toEqual([])
      expect(outcome.struck.length).toBeGreaterThan(0)
    },
    600_000,
  )
})
