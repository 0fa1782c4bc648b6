import type { TaskId } from '#domain/identifiers.ts'
import type { Instant } from '#domain/time.ts'
import type { Route } from '#domain/route.ts'

/** Reads facts of a database server, before it is known what the database holds. Writes nothing. */
export interface DatabaseProbe {
  /** Over the connection that queries take. Throws StartupError with one line for a person. */
  readServer(): Promise<DatabaseServer>

  /** Whether the migrations of the database are those of this release. Throws StartupError. */
  readMigrations(): Promise<MigrationState>

  /** Whether a notification to itself arrives, over the connection that notifications take. Throws StartupError. */
  hearNotification(): Promise<'heard' | 'not-heard'>
}

export interface DatabaseServer {
  readonly version: string
  /** Why it cannot keep what it is given, in one line; undefined when it can. */
  readonly fault: string | undefined
  /** The settings as a session of ours meets them. */
  readonly synchronousCommit: string
  readonly fullPageWrites: string
  readonly readOnly: string
  readonly connections: number
  readonly connectionsMax: number
}

export type MigrationState =
  | { readonly kind: 'current' }
  /** `names` are not applied yet. */
  | { readonly kind: 'pending'; readonly names: readonly string[] }
  /** `names` were applied by a later release. */
  | { readonly kind: 'later-release'; readonly names: readonly string[] }
  /** Made before the first release, as the migration of this name shows: no release can migrate it. */
  | { readonly kind: 'unsupported'; readonly name: string }

/** Reads facts of a store other than its tasks. Writes nothing. */
export interface StoreProbe {
  /** The store's clock at one moment. Throws StoreUnavailableError. */
  readClock(): Promise<Instant>

  /**
   * The instant up to which partitions reach without a gap; undefined when there is none for the present one. Throws
   * StoreUnavailableError.
   */
  findPlaceEnd(): Promise<Instant | undefined>

  /** Throws StoreUnavailableError. */
  readSpace(): Promise<StoreSpace>

  /** By name of exclusive work: how many milliseconds ago a pass last began. Throws StoreUnavailableError. */
  readExclusiveWork(): Promise<ReadonlyMap<string, number>>
}

export interface StoreSpace {
  readonly usedBytes: number
  /** Of the disk that the data are on; undefined where it cannot be seen from this host. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined
}

/** Bounded reads over all tasks. Writes nothing. */
export interface TaskProbe {
  /** Routes with tasks that are due, those with the oldest first, at most 1000. Throws StoreUnavailableError. */
  listBacklog(): Promise<readonly RouteBacklog[]>

  /**
   * The ids of up to `idsMax` tasks that have a head or events: all of them when there are no more, otherwise as many after
   * each of `points`, which say between 0 and 1 where in the age of all tasks to look. Throws StoreUnavailableError.
   */
  sampleTaskIds(points: readonly number[], idsMax: number): Promise<readonly TaskId[]>
}

export interface RouteBacklog {
  readonly route: Route
  readonly oldestReadyAgeMs: number
}

/** Reads facts of a server that holds the queue. Writes nothing. */
export interface QueueServerProbe {
  /** Throws an Error with one line for a person, without secrets. */
  readServer(): Promise<QueueServer>
}

export interface QueueServer {
  /** Such as `Redis 8.0.2`. */
  readonly product: string
  /** Why it cannot be used; undefined when it can. */
  readonly fault: string | undefined
  readonly role: 'takes-writes' | 'replica'
  /** Undefined when it does not say. */
  readonly evictionPolicy: string | undefined
  readonly usedBytes: number
  /** Undefined: as much as the machine has. */
  readonly bytesMax: number | undefined
}
