declare const taskTypes: unique symbol

/** A task type with the types of its payload and result; every task definition is one. */
export interface TaskReference<Payload = unknown, Result = unknown> {
  readonly type: string
  /** Never set: it carries the types for the compiler. */
  readonly [taskTypes]?: { readonly payload: Payload; readonly result: Result }
}
