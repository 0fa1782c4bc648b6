import { findTaskId, type TaskId } from '#domain/identifiers.ts'

/** A member of a set, as it came. */
export interface RankedMember {
  readonly member: string
  readonly rank: number
}

export interface RankedId {
  readonly taskId: TaskId
  readonly rank: number
}

/** Reads the answer of BZMPOP: nothing, or a key with pairs of member and score. */
export const parsePopped = (
  reply: unknown,
): { readonly key: string | undefined; readonly members: readonly RankedMember[] } => {
  if (!Array.isArray(reply)) return { key: undefined, members: [] }
  const [key, pairs]: readonly unknown[] = reply
  if (typeof key !== 'string' || !Array.isArray(pairs)) return { key: undefined, members: [] }
  const flat: readonly unknown[] = pairs.flat()
  return { key, members: toMembers(flat) }
}

/** Reads the answer of the pull script: how many are left, and then member and score in turns. */
export const parsePulled = (reply: unknown): { readonly left: number; readonly members: readonly RankedMember[] } => {
  if (!Array.isArray(reply)) return { left: 0, members: [] }
  const [left, ...flat]: readonly unknown[] = reply
  return { left: Number(left ?? 0), members: toMembers(flat) }
}

/** A member that is no task id was put there by somebody else, and is dropped. */
export const toRankedIds = (members: readonly RankedMember[]): readonly RankedId[] =>
  members.flatMap(({ member, rank }) => {
    const taskId = findTaskId(member)
    return taskId === undefined ? [] : { taskId, rank }
  })

const toMembers = (flat: readonly unknown[]): readonly RankedMember[] => {
  const members: RankedMember[] = []
  for (let place = 0; place + 1 < flat.length; place += 2) {
    members.push({ member: String(flat[place]), rank: Number(flat[place + 1]) })
  }
  return members
}
