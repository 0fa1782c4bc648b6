import { describe, expect, it } from 'vitest'
import { findRefusedStatement } from '#application/runs/refused-statements.ts'

describe('a statement that an effect must not send', () => {
  it.each([
    ['begin', 'BEGIN'],
    ['START transaction', 'START'],
    ['Commit', 'COMMIT'],
    ['commit;', 'COMMIT'],
    ['end work', 'END'],
    ['abort', 'ABORT'],
    ['rollback', 'ROLLBACK'],
    ['rollback work', 'ROLLBACK'],
    ['rollback and chain', 'ROLLBACK'],
    ['rollback prepared $$to$$', 'ROLLBACK'],
    ["prepare transaction 'x'", 'PREPARE TRANSACTION'],
    ["prepare /* a */ transaction 'x'", 'PREPARE TRANSACTION'],
    [' \n;; -- to\n /* /* nested */ begin */ commit', 'COMMIT'],
    ['--\rcommit', 'COMMIT'],
    ['copy notes from stdin', 'COPY'],
    ['/* no end', undefined],
    ['commits', undefined],
    ['commit_all()', undefined],
    ['savepoint a', undefined],
    ['release a', undefined],
    ['rollback to a', undefined],
    ['ROLLBACK /* work */ WORK TO SAVEPOINT a', undefined],
    ['rollback transaction to a', undefined],
    ['prepare transactions as select 1', undefined],
    ["select 'commit'", undefined],
    ['(select 1)', undefined],
    ['', undefined],
  ])('%j: %s', (text, control) => {
    expect(findRefusedStatement(text)).toBe(control)
  })
})
