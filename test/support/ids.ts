import { v4, v7 } from 'uuid'
import { parseAppendId, parseIncarnation, parseTaskId } from '#domain/identifiers.ts'

/** Unique identities, so that tests can share a database. Task ids rise in the order they are minted. */
export const mintTaskId = () => parseTaskId(v7())
export const mintAppendId = () => parseAppendId(v4())
export const mintIncarnation = () => parseIncarnation(v4())
