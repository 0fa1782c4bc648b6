declare const taskTypes: unique symbol

/** Names a task type, and carries for the compiler what it takes and gives; every definition is one. */
export interface TaskReference<Payload = unknown, Result = unknown> {
  readonly type: string
  /** Never there: carries the types. */
  readonly [taskTypes]?: { readonly payload: Payload; readonly result: Result }
}
