import { plantIn } from '../support/mutant.ts'

const contract = 'test/contracts/postgres.test.ts › the idempotency ledger'
const durability = 'test/adapters/postgres/ledger/durability.test.ts'
const transacting = 'test/adapters/postgres/ledger/effect-transactions.test.ts'
const effects = 'test/adapters/worker/effects.test.ts'
const inDoubt = 'test/adapters/worker/effects-in-doubt.test.ts'
const askedAbout = 'test/adapters/worker/effects-asked-about.test.ts'
const area = 'ledger'

const claims = plantIn({ area, file: 'migrations/functions/claim_effect.sql', suites: [contract] }, [
  {
    name: 'lets a run claim an effect that is not in force',
    find: 'if not found then',
    put: 'if false then',
  },
  {
    name: 'gives the result of an effect with another input',
    find: ' or v_found.input_sha256 is distinct from p_input_sha256 then',
    put: ' then',
  },
  {
    name: 'gives the result of an effect in another mode',
    find: 'if v_found.mode <> p_mode or v_found',
    put: 'if v_found',
  },
  {
    name: 'lets a completed effect be performed again',
    find: "if v_found.state = 'completed' then",
    put: 'if false then',
  },
  {
    name: 'lets an effect be begun again of which nobody knows whether it has happened',
    find: "if p_unfinished = 'doubt' and",
    put: 'if false and',
  },
  {
    name: 'forgets that an earlier run may have performed an effect',
    find: "else v_found.state <> 'not-done'",
    put: 'else false',
  },
])

const records = plantIn({ area, file: 'src/adapters/postgres/ledger/effect-statements.ts', suites: [contract] }, [
  {
    name: 'lets a run complete an effect that another has claimed since',
    find: '  and run = ${run}\n  and claim = ${claim}::uuid`',
    put: '`',
  },
  {
    name: 'changes the result of a completed effect',
    find: "    and state <> 'completed'\n",
    put: '',
  },
  {
    name: 'gives back an effect that is completed',
    find: "    and state = 'claimed'\n",
    put: '',
  },
])

const settlements = plantIn({ area, file: 'src/adapters/postgres/ledger/effect-records.ts', suites: [contract] }, [
  {
    name: 'settles an effect that a run in force holds',
    find: "  and ${shownState} = 'in-doubt'\n  returning",
    put: '  returning',
  },
  {
    name: 'shows no doubt about an effect whose run is over',
    find: 'and (e.run, e.claim) is distinct from (t.run, t.claim)',
    put: 'and false',
  },
])

const onDisk = plantIn({ area, file: 'migrations/functions/durably.sql', suites: [durability] }, [
  {
    name: 'acknowledges an effect that is not on disk',
    find: "'on'",
    put: "'off'",
  },
])

const keys = plantIn({ area, file: 'src/adapters/postgres/ledger/effect-keys.ts', suites: [contract] }, [
  {
    name: 'gives all effects of a task the same key',
    find: '.update(`${taskId} ${name}`)',
    put: '.update(`${taskId} ${name.length > 0}`)',
  },
  {
    name: 'gives an effect another key each time',
    find: '.update(`${taskId} ${name}`)',
    put: '.update(`${taskId} ${name} ${performance.now()}`)',
  },
])

const performing = plantIn(
  { area, file: 'src/application/runs/claimed-effects.ts', suites: [effects, inDoubt, askedAbout] },
  [
    {
      name: 'begins an effect whose claim came after the abort',
      find: '    signal.throwIfAborted()\n    this.#begun.add(name)',
      put: '    this.#begun.add(name)',
    },
    {
      name: 'leaves no doubt about an effect that threw',
      find: "return mode === 'once' ? this.#leaveInDoubt(held, thrown) : thrown",
      put: 'return thrown',
    },
    {
      name: 'never asks whether an effect has happened',
      find: "if (mode !== 'idempotent' && (since === 'taken-over'",
      put: "if (mode === 'tx' && (since === 'taken-over'",
    },
    {
      name: 'repeats an effect of which the receiver knows nothing',
      find: "if (finding.outcome === 'unknown') throw await this.#leaveInDoubt(held, undefined)",
      put: '',
    },
    {
      name: 'takes an effect over that may happen once',
      find: "mode === 'once' && inquiry === undefined ? 'doubt' : 'take-over'",
      put: "'take-over'",
    },
    {
      name: 'leaves an effect claimed that did not happen',
      find: '      await this.#recordNotDone(held)\n      return thrown',
      put: '      return thrown',
    },
    {
      name: 'tells the run nothing of a doubt',
      find: '    this.#run.onDoubt(error)\n',
      put: '',
    },
  ],
)

const transactions = plantIn(
  {
    area,
    file: 'src/adapters/postgres/ledger/effect-transactions.ts',
    suites: [contract, transacting],
  },
  [
    {
      name: 'commits what a run did that was replaced meanwhile',
      find: '    and exists (select from in_force)\n    returning task_id\n  ), durable',
      put: '    returning task_id\n  ), durable',
    },
    {
      name: 'lets a run be replaced between its last look and its commit',
      find: '    for share\n',
      put: '',
      suites: [transacting],
    },
    {
      name: 'commits nothing of an effect that it says is done',
      find: '  await session.commit()\n',
      put: '  await session.rollBack()\n',
    },
    {
      name: 'performs an effect in a transaction a second time',
      find: "return found.same && found.result !== null ? { kind: 'completed', result: found.result } : { kind: 'changed' }",
      put: "return found.same ? 'begun' : { kind: 'changed' }",
    },
  ],
)

export const ledger = [...claims, ...records, ...settlements, ...onDisk, ...keys, ...performing, ...transactions]
